import { assertEquals, assertMatch } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer } from "../support/ndjson_client.ts";
import { replyStream } from "../support/replies.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { completionStream } from "../support/wire_streams.ts";
import { OtlpReceiver, type ReceivedSpan } from "./otlp_receiver.ts";

const TRACES = ["0af7651916cd43dd8448eb211c80319a", "0af7651916cd43dd8448eb211c80319b"];

function ask(modeld: Daemon, trace: string | undefined): ReturnType<typeof infer> {
  return infer(modeld.url, { prompt: "Once" }, { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
}

Deno.test("each inference's request to llama-server belongs to its own trace, also after a wait in the queue", async () => {
  await using receiver = new OtlpReceiver();
  const llama = await FakeLlamaHttpServer.start({ slots: 1 });
  const args = ["--llama-url", llama.url.href, "--preflight=off"];
  const modeld = await (await Daemon.start({ args, env: receiver.environment })).ready();
  const taken = llama.take();
  const first = ask(modeld, TRACES[0]);
  const held = await taken;
  const second = ask(modeld, TRACES[1]);
  await eventually("one waits", async () => (await modeld.json("/status")).instances[0].queue_len === 1);
  await replyStream(held, completionStream(["a", "b"]));
  await (await first).last();
  await (await second).last();
  assertEquals(await modeld.stop(), { code: 0, signal: null });
  await llama.close();

  for (const [index, trace] of TRACES.entries()) {
    const spans = receiver.spans.filter(({ traceId }) => traceId === trace);
    const named = (name: string): ReceivedSpan | undefined => spans.find((span) => span.name === name);
    const inference = named("text_completion tiny");
    const stages = spans.filter(({ scope, parentSpanId }) => scope === "modeld" && parentSpanId === inference?.spanId);
    assertEquals(stages.map(({ name }) => name).sort(), ["prefill", "queue", "stream"]);
    const sent = llama.posts[index]?.headers.get("traceparent") ?? "";
    assertMatch(sent, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    const request = spans.find(({ spanId }) => spanId === sent.split("-")[2]);
    assertEquals(request?.parentSpanId, inference?.spanId);
    assertEquals(named("POST")?.traceId, trace);
  }
});
