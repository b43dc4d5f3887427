import { assert, assertEquals } from "@std/assert";
import { Fingerprint } from "../../src/dispatch/affinity/fingerprint.ts";
import type { QueuedRequest } from "../../src/dispatch/request.ts";
import { MachineRig, standing } from "./machine_rig.ts";

const LOADED = { m: { state: "loaded" } } as const;
const TWO = { servers: ["s1", "s2"], maxInflight: 1 };

function prompt(text: string): Fingerprint {
  const bytes = new TextEncoder().encode(text);
  return new Fingerprint([{ bytes, start: 0, end: bytes.length }]);
}

/** A request for `m` with this prompt. */
function ask(rig: MachineRig, text: string): QueuedRequest {
  return rig.arrive("m", 1, undefined, { prompt: prompt(text) });
}

/** Ends a request whose prompt took long to compute: a token a millisecond, none of it in the cache. */
function answer(rig: MachineRig, request: QueuedRequest, text: string, cacheTokens = 0): void {
  const tokens = Math.round(text.length / 4);
  const promptTokens = Math.max(1, tokens - cacheTokens);
  rig.now += 10;
  const timings = { cacheTokens, promptTokens, promptMs: promptTokens, predictedTokens: 1, predictedMs: 1 };
  rig.finish(request, { kind: "completed", timings });
}

const HISTORY = "Once upon a time there was a little llama that liked long walks. ".repeat(200);

Deno.test("a conversation goes back to the server that has its prompt in the cache, though another one is as free", () => {
  const rig = new MachineRig(LOADED, TWO);
  const first = ask(rig, HISTORY);
  const home = first.instance?.server.id;
  answer(rig, first, HISTORY);
  let text = HISTORY;
  for (let turn = 0; turn < 5; turn++) {
    text += `And then it walked on, turn ${turn}. `.repeat(10);
    const next = ask(rig, text);
    assertEquals([next.instance?.server.id, next.placement?.reason], [home, "warm"]);
    answer(rig, next, text, Math.round(text.length / 5));
  }
});

Deno.test("a request waits for its warm server while that is cheaper, others pass it, and it waits no longer than allowed", () => {
  const rig = new MachineRig(LOADED, { ...TWO, maxAffinityWait: 2_000 });
  const first = ask(rig, HISTORY);
  const home = first.instance?.server.id ?? "";
  answer(rig, first, HISTORY);
  const running = ask(rig, HISTORY + "More of it. ".repeat(20));
  assertEquals(running.instance?.server.id, home);
  const waiting = ask(rig, HISTORY + "Something else. ".repeat(20));
  assertEquals(standing(waiting), ["waiting"]);
  const other = ask(rig, "A short question.");
  assertEquals([standing(other), other.instance?.server.id === home], [["running"], false]);
  rig.finish(other);
  rig.pass(1_999);
  assertEquals(standing(waiting), ["waiting"]);
  rig.pass(2_001);
  assertEquals([standing(waiting), waiting.placement?.reason], [["running"], "spill"]);
});

Deno.test("a server that has thrown a conversation out is not expected to have what is as old; the answer shows what is there", () => {
  const rig = new MachineRig(LOADED, TWO);
  const texts = ["first", "second"].map((name) => `${name} ${HISTORY}`);
  // Both run on the same server: the other one is busy.
  const busy = ask(rig, "Something long.");
  for (const text of texts) answer(rig, ask(rig, text), text);
  rig.finish(busy);
  const [first = "", second = ""] = texts;
  const again = ask(rig, second + "And on. ");
  assert((again.placement?.expectedTokens ?? 0) > 3_000);
  answer(rig, again, second, 20);
  const later = ask(rig, first + "And on. ");
  assertEquals([later.instance === again.instance, later.placement?.expectedTokens], [true, 0]);
  answer(rig, later, first, 20);
  assert((ask(rig, second + "And on. And on. ").placement?.expectedTokens ?? 0) > 3_000);
});

Deno.test("what an unloaded or lost server had in its cache is forgotten", () => {
  const rig = new MachineRig(LOADED, TWO);
  const first = ask(rig, HISTORY);
  const home = first.instance?.server.id ?? "";
  answer(rig, first, HISTORY);
  rig.lose(home);
  rig.now += 10;
  rig.poll(home);
  assertEquals(ask(rig, HISTORY + "More.").placement?.reason, "cold");
});

Deno.test("with one server there is nothing to choose", () => {
  const rig = new MachineRig(LOADED, { maxInflight: 1 });
  assertEquals(ask(rig, HISTORY).placement?.reason, "only");
});
