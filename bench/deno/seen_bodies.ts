/**
 * A prototype for ADR 0071: may a stream run native while the proxy learns of its end, its tokens and its slot?
 * Arguments: port, upstream's port, way. `completed` hands the body on and awaits the connection's `completed`; `tee` and
 * `transform` see each chunk beside the body that is sent.
 */
const [port, upstreamPort, way] = Deno.args;
const client = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0 });
const NEWLINE = 10;
const seen = { streams: 0, ended: 0, failed: 0, events: 0 };

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request, { completed }) => {
  const { method, headers } = request;
  const url = `http://127.0.0.1:${upstreamPort}${new URL(request.url).pathname}`;
  const { body } = await fetch(url, { method, headers, body: await request.bytes(), client });
  seen.streams++;
  completed.then(() => seen.ended++, () => seen.failed++);
  return new Response(body && watched(body), { headers: { "content-type": "text/event-stream" } });
});

function watched(body: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (way === "transform") {
    return body.pipeThrough(new TransformStream({ transform: (chunk, to) => (count(chunk), to.enqueue(chunk)) }));
  }
  if (way !== "tee") return body;
  const [sent, copy] = body.tee();
  (async () => {
    for await (const chunk of copy) count(chunk);
  })().catch(() => seen.failed++);
  return sent;
}

function count(chunk: Uint8Array): void {
  for (const byte of chunk) if (byte === NEWLINE) seen.events++;
}

Deno.addSignalListener("SIGUSR2", () => console.error(seen));
