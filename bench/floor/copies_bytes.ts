/**
 * The reference of `deno task bench`: the least that a Deno program does which sees each token. It reads with one recycled
 * buffer and writes the bytes on. Arguments: port, upstream's port.
 */
const [port, upstreamPort] = Deno.args;
const upstream = `http://127.0.0.1:${upstreamPort}`;
// llama-server closes the connection after each stream, so none is used again.
const client = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0 });
const BUFFER_SIZE = 4096;

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request) => {
  const { method, headers } = request;
  const path = new URL(request.url).pathname;
  const answer = await fetch(upstream + path, { method, headers, body: await request.bytes(), client });
  const reader = (answer.body ?? new Blob().stream()).getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(BUFFER_SIZE);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) return controller.close();
      buffer = value.buffer;
      controller.enqueue(value.slice());
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
});
