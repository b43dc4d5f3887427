import { assertEquals, assertRejects } from "@std/assert";
import { plainClient } from "../../../src/base/client.ts";
import { Deadlines } from "../../../src/base/deadlines.ts";
import { ModeldError } from "../../../src/base/errors.ts";
import { ByteBudget } from "../../../src/http/byte_budget.ts";
import { LineEncoder } from "../../../src/http/api/infer/lines.ts";
import { Inferences } from "../../../src/http/inference.ts";
import { streamReply } from "../../../src/http/reply/stream_reply.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ScriptedExchange } from "../fake_fleet.ts";
import { bodyOf } from "../with_server.ts";

Deno.test("a stream whose inference ends while a burst is gathered is cut, without what was gathered", async () => {
  const clock = new FakeClock(); // it stands still, so that the second batch is part of a burst
  const none = new Deadlines(0, clock);
  const budget = new ByteBudget(() => 1_000_000);
  const inferences = new Inferences({
    clock,
    observer: { started() {}, ended() {} },
    budget,
    inferDeadlines: () => none,
  });
  const inference = inferences.begin("id", new Request("http://modeld.invalid/infer"), plainClient("anybody", []));
  const encoder = new LineEncoder({
    tokens: true,
    reasoning: false,
    progress: false,
    maxAnswerBytes: 1_000_000,
    share: inference.share,
  });
  const exchange = new ScriptedExchange(inference.signal).push(" a").push(" b");
  const options = { encoder, inference, clock, writeDeadlines: none, whole: false };
  const reply = await streamReply(() => Promise.resolve(exchange), options);
  const reader = bodyOf(reply).getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), '{"token":" a"}\n');
  const second = reader.read();
  for (let i = 0; i < 20; i++) await Promise.resolve(); // microtasks alone: the batch arrives, and no timer can fire
  inference.clientLeft();
  await assertRejects(() => second, ModeldError, "the stream was cut");
});
