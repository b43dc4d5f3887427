import { assertEquals } from "@std/assert";
import type { Message } from "../../../bench/simulation/loads.ts";
import { Job, type ServerSpec, SimulatedServer } from "../../../bench/simulation/server.ts";

const SPEC: ServerSpec = { slots: 2, prefillRate: 1, decodeRate: 0.1, hostTokens: 0 };

function message(tokens: number): Message {
  return { tokens, segment: { bytes: new Uint8Array(), start: 0, end: 0 } };
}

/** Runs a request to its end and returns how many tokens were in the cache. */
function run(server: SimulatedServer, prompt: readonly Message[], answer = message(10)): number {
  const job = new Job(prompt, answer);
  server.start(job, server.nextAt === Infinity ? clock : server.nextAt);
  while (server.nextAt < Infinity) {
    clock = server.nextAt;
    server.next();
  }
  return job.cachedTokens;
}
let clock = 0;

Deno.test("a simulated server computes one prompt after the other, then generates", () => {
  const server = new SimulatedServer(SPEC);
  server.start(new Job([message(1_000)], message(10)), 0);
  server.start(new Job([message(500)], message(10)), 0);
  assertEquals([server.nextAt, server.next().ended], [1_000, false]);
  assertEquals([server.nextAt, server.next().ended], [1_500, false]);
  assertEquals(server.next().ended, true);
});

Deno.test("it goes on where a prompt has been, with the answer, and keeps at least one token to compute", () => {
  const server = new SimulatedServer(SPEC);
  const [question, answer] = [message(300), message(20)];
  assertEquals(run(server, [question], answer), 0);
  assertEquals(run(server, [question, answer, message(50)]), 320);
  assertEquals(run(server, [question]), 299);
});

Deno.test("a busy slot's cache is not shared", () => {
  const server = new SimulatedServer(SPEC);
  const shared = message(300);
  const [first, second] = [new Job([shared, message(5)], message(9)), new Job([shared, message(5)], message(9))];
  for (const job of [first, second]) server.start(job, clock);
  assertEquals([first.cachedTokens, second.cachedTokens], [0, 0]);
});

Deno.test("without a similar prompt the slot least recently used is overwritten; host memory keeps what was in it", () => {
  const prompts = [message(300), message(300), message(300)];
  const without = new SimulatedServer(SPEC);
  for (const prompt of prompts) run(without, [prompt]);
  assertEquals(prompts.slice(0, 1).map((prompt) => run(without, [prompt])), [0]);
  const withHost = new SimulatedServer({ ...SPEC, hostTokens: 10_000 });
  for (const prompt of prompts) run(withHost, [prompt]);
  assertEquals(prompts.map((prompt) => run(withHost, [prompt])), [299, 299, 299]);
});

Deno.test("a server that dies forgets everything", () => {
  const server = new SimulatedServer({ ...SPEC, hostTokens: 10_000 });
  const prompt = message(300);
  run(server, [prompt]);
  server.start(new Job([prompt], message(10)), clock);
  assertEquals([server.kill(clock).length, server.nextAt], [1, Infinity]);
  assertEquals(run(server, [prompt]), 0);
});
