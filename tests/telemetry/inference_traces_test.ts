import { assert, assertEquals, assertMatch } from "@std/assert";
import { OtlpReceiver } from "./otlp_receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

/** Runs the traced program and gives what it printed. */
async function run(env: Record<string, string>): Promise<{ traced: boolean; ok: string; fails: string }> {
  const program = new URL("./traced_program.ts", import.meta.url).pathname;
  const { stdout, stderr, code } = await new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "--allow-net=127.0.0.1", program],
    env,
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) as string);
}

Deno.test("an inference is one span under the client's trace, with a child for each stage it went through", async () => {
  await using receiver = new OtlpReceiver();
  await run(receiver.environment);
  const inference = receiver.spans.find((span) => span.attributes["modeld.request_id"] === "for /ok");
  assert(inference !== undefined);
  assertEquals(inference.name, "text_completion m");
  assertEquals(inference.traceId, TRACE);
  const children = receiver.spans.filter((span) => span.scope === "modeld" && span.parentSpanId === inference.spanId);
  assertEquals(children.map((span) => span.name).sort(), ["prefill", "queue", "stream"]);
  for (const child of children) {
    assert(child.startedAt >= inference.startedAt && child.endedAt <= inference.endedAt, child.name);
  }
  const queue = children.find((span) => span.name === "queue");
  assert(queue !== undefined && queue.endedAt - queue.startedAt >= 4);
});

Deno.test("a span names what it did in the words of the GenAI conventions, and how it failed", async () => {
  await using receiver = new OtlpReceiver();
  await run(receiver.environment);
  const of = (request: string) =>
    receiver.spans.find((span) => span.attributes["modeld.request_id"] === request)?.attributes;
  assertEquals(of("for /ok")?.["gen_ai.operation.name"], "text_completion");
  assertEquals(of("for /ok")?.["gen_ai.request.model"], "m");
  assertEquals(of("for /ok")?.["modeld.outcome"], "ok");
  assertEquals(Number(of("for /ok")?.["gen_ai.usage.input_tokens"]), 3);
  assertEquals(Number(of("for /ok")?.["gen_ai.usage.output_tokens"]), 1);
  assertEquals(of("for /fails")?.["error.type"], "upstream_error");
  assertEquals(of("for /fails")?.["modeld.stage"], "prefill");
  const failed = receiver.spans.filter((span) => span.scope === "modeld" && span.failed);
  assertEquals(failed.map((span) => span.attributes["modeld.request_id"]), ["for /fails"]);
});

Deno.test("llama-server is sent one traceparent, of a span below the inference's", async () => {
  await using receiver = new OtlpReceiver();
  const { ok } = await run(receiver.environment);
  assertMatch(ok, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
  const sender = receiver.spans.find((span) => span.spanId === ok.split("-")[2]);
  const inference = receiver.spans.find((span) => span.attributes["modeld.request_id"] === "for /ok");
  assertEquals(sender?.parentSpanId, inference?.spanId);
});

Deno.test("without tracing the client's traceparent goes on as it came, and there is nobody to call", async () => {
  const { traced, ok } = await run({ OTEL_DENO: "false" });
  assertEquals(traced, false);
  assertEquals(ok, `00-${TRACE}-b7ad6b7169203331-01`);
});
