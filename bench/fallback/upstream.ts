/** The paced upstream of native/upstream.c where it cannot be compiled: the same wire and arguments, more cost of its own. */
import { argument, nanoseconds } from "./clock.ts";

const encoder = new TextEncoder();

Deno.serve({ hostname: "127.0.0.1", port: Number(argument("port")), onListen: () => {} }, async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/health") return Response.json({ status: "ok" });
  if (pathname === "/props") return Response.json({ total_slots: 2000, model_path: "bench.gguf", build_info: "bench" });
  if (pathname === "/v1/models") return Response.json({ object: "list", data: [{ id: "bench", object: "model" }] });
  if (pathname !== "/v1/completions") {
    return Response.json({ error: { code: 404, message: "no such path" } }, { status: 404 });
  }

  const { prompt, max_tokens } = await request.json();
  const interval = Number(/interval_us=(\d+)/.exec(prompt)?.[1] ?? 0) / 1_000;
  return new Response(stream(max_tokens, interval), {
    headers: { "content-type": "text/event-stream", "connection": "close" },
  });
});

/** `interval` in ms; half to one and a half of it pass between two tokens. */
function stream(tokens: number, interval: number): ReadableStream<Uint8Array> {
  let left = tokens;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) {
        controller.enqueue(encoder.encode(`${end(tokens)}data: [DONE]\n\n`));
        return controller.close();
      }
      const send = () => {
        left--;
        controller.enqueue(encoder.encode(token()));
      };
      if (left === tokens || interval === 0) return send();
      return new Promise((resolve) => {
        timer = setTimeout(() => resolve(send()), interval * (0.5 + Math.random()));
      });
    },
    cancel: () => clearTimeout(timer),
  }, { highWaterMark: 0 });
}

function token(): string {
  return `data: {"choices":[{"text":" @${nanoseconds()}","index":0,"logprobs":null,"finish_reason":null}],` +
    `"created":1795381132,"model":"bench","system_fingerprint":"b11669","object":"text_completion",` +
    `"id":"chatcmpl-RUmHCzI2FS6wW2fULOZSMY0NmmSLq0F4"}\n\n`;
}

function end(tokens: number): string {
  const usage = { completion_tokens: tokens, prompt_tokens: 1, total_tokens: tokens + 1 };
  return `data: ${
    JSON.stringify({ choices: [{ text: "", index: 0, logprobs: null, finish_reason: "length" }], usage })
  }\n\n`;
}
