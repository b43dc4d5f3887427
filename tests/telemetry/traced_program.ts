// Run by inference_traces_test.ts as a process of its own: Deno decides at start whether it traces. It serves two inferences,
// one that ends well and one that fails, each with a request to an upstream, and says what the upstream was sent.
import { systemClock } from "../../src/base/clock.ts";
import { inferenceTraces } from "../../src/telemetry/inference_traces.ts";
import { Timeline } from "../../src/base/timeline.ts";

const CLIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const local = { hostname: "127.0.0.1", port: 0, onListen() {} };
const upstream = Deno.serve(local, (request) => new Response(request.headers.get("traceparent")));
const traces = inferenceTraces();

const server = Deno.serve(local, async (request) => {
  const timeline = new Timeline(`for ${new URL(request.url).pathname}`, systemClock, { traceparent: CLIENT });
  traces?.started(timeline);
  timeline.enter("queue");
  timeline.model = "m";
  await new Promise((resolve) => setTimeout(resolve, 5));
  timeline.enter("prefill");
  const headers: HeadersInit = timeline.traceparent === undefined ? {} : { traceparent: timeline.traceparent };
  const sent = await timeline.run(async () =>
    await (await fetch(`http://127.0.0.1:${upstream.addr.port}`, { headers })).text()
  );
  if (request.url.endsWith("/fails")) {
    timeline.end();
    const error = { kind: "upstream_error" as const, message: "adapter generate: no" };
    traces?.ended(timeline, { outcome: "upstream_error", status: 500, error });
  } else {
    timeline.received(1);
    timeline.end();
    const usage = { promptTokens: 3, completionTokens: 1, totalTokens: 4 };
    traces?.ended(timeline, { outcome: "ok", status: 200, usage, finishReason: "stop" });
  }
  return new Response(sent);
});

const ask = async (path: string) => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\ntraceparent: ${CLIENT}\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const reply = await new Response(connection.readable).text();
  return reply.trimEnd().split("\r\n").at(-1);
};
console.log(JSON.stringify({ traced: traces !== undefined, ok: await ask("/ok"), fails: await ask("/fails") }));
await server.shutdown();
await upstream.shutdown();
