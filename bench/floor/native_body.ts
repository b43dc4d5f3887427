/**
 * What Deno itself costs: the answer's body is handed to the reply, so that no JavaScript runs for a token. Arguments: port,
 * upstream's port.
 */
const [port, upstreamPort] = Deno.args;
const upstream = `http://127.0.0.1:${upstreamPort}`;
// llama-server closes the connection after each stream, so none is used again.
const client = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0 });

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request) => {
  const { method, headers } = request;
  const path = new URL(request.url).pathname;
  const { body } = await fetch(upstream + path, { method, headers, body: await request.bytes(), client });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
});
