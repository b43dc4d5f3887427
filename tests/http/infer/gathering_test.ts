import { assertEquals, assertRejects } from "@std/assert";
import { ByteBudget } from "../../../src/http/byte_budget.ts";
import { Deadlines } from "../../../src/deadlines.ts";
import { ModeldError } from "../../../src/errors.ts";
import { Inferences } from "../../../src/http/infer/inferences.ts";
import { tokenStream } from "../../../src/http/infer/token_stream.ts";
import type { Chunk, Generation } from "../../../src/llama/adapter.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** A generation that has this one chunk more, and then nothing for ever. */
function oneMore(chunk: Chunk): Generation {
  const chunks = [Promise.resolve(chunk)];
  return { next: () => chunks.shift() ?? new Promise(() => {}), cancel() {} };
}

Deno.test("a stream whose inference ends while a burst is gathered is cut, without what was gathered", async () => {
  const clock = new FakeClock(); // it stands still, so that the second chunk is part of a burst
  const none = new Deadlines(0, clock);
  const inferences = new Inferences({ clock, observer: { started() {}, ended() {} }, inferDeadlines: none });
  const inference = inferences.begin("id", new Request("http://modeld.invalid/infer"));
  const options = { clock, writeDeadlines: none, maxAnswerBytes: 1_000, share: new ByteBudget(1_000).open() };
  const stream = tokenStream({ fragments: [" a"] }, oneMore({ fragments: [" b"] }), inference, options);
  const reader = stream.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), '{"token":" a"}\n');
  const second = reader.read();
  for (let i = 0; i < 20; i++) await Promise.resolve(); // microtasks alone: the chunk arrives, and no timer can fire
  inference.fail(new ModeldError("cancelled", "the client left"));
  await assertRejects(() => second, ModeldError, "the stream was cut");
});
