import { assert, assertEquals } from "@std/assert";
import { ModelEstimates, MovingRatio, PromptBacklog } from "../../src/dispatch/estimates.ts";

const ANSWER = { cacheTokens: 500, promptTokens: 1_000, promptMs: 500, predictedTokens: 100, predictedMs: 4_000 };

Deno.test("a moving ratio follows a change, and weighs large samples more", () => {
  const ratio = new MovingRatio();
  assertEquals(ratio.value, undefined);
  for (let i = 0; i < 50; i++) ratio.add(2, 1);
  assert(Math.abs((ratio.value ?? 0) - 2) < 1e-9);
  for (let i = 0; i < 50; i++) ratio.add(4, 1);
  assert((ratio.value ?? 0) > 3.98);
  ratio.add(10_000, 1_000);
  assert((ratio.value ?? 0) > 9);
  ratio.add(5, 0);
  assert((ratio.value ?? 0) > 9);
});

Deno.test("rates come from what llama-server says of its answers", () => {
  const estimates = new ModelEstimates().onServer();
  estimates.answered(6_000, ANSWER);
  assertEquals([estimates.prefillRate, estimates.decodeRate, estimates.model.tokensPerByte], [2, 0.025, 0.25]);
});

Deno.test("a server that has not answered yet is expected to be as the others are", () => {
  const model = new ModelEstimates();
  const known = model.onServer();
  const unknown = model.onServer();
  known.answered(6_000, ANSWER);
  known.served(700);
  assertEquals([unknown.prefillRate, unknown.serviceMs], [2, 700]);
  unknown.answered(6_000, { ...ANSWER, promptMs: 1_000 });
  assertEquals([unknown.prefillRate, known.prefillRate], [1, 2]);
});

Deno.test("a slot is waited for the shorter the more slots there are, and the longer the more wait already", () => {
  const estimates = new ModelEstimates().onServer();
  estimates.served(4_000);
  assertEquals(estimates.slotWaitMs(4, 1, 0), 0);
  assertEquals(estimates.slotWaitMs(4, 0, 0), 1_000);
  assertEquals(estimates.slotWaitMs(4, 0, 2), 3_000);
});

Deno.test("prompts of one server are computed one after the other", () => {
  const backlog = new PromptBacklog();
  assertEquals(backlog.remainingMs(0), 0);
  backlog.begin(1_000, 0);
  backlog.begin(500, 200);
  assertEquals(backlog.remainingMs(300), 1_200);
  backlog.end(900);
  assertEquals(backlog.remainingMs(1_000), 500);
  backlog.end(1_400);
  assertEquals(backlog.remainingMs(1_400), 0);
});

Deno.test("a server that is late is expected to take as long again, and to be free once it has answered", () => {
  const backlog = new PromptBacklog();
  backlog.begin(1_000, 0);
  assertEquals([backlog.remainingMs(2_000), backlog.remainingMs(9_000)], [1_000, 8_000]);
  backlog.end(9_000);
  assertEquals(backlog.remainingMs(9_001), 0);
});
