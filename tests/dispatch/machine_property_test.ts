import { assert } from "@std/assert";
import fc from "fast-check";
import { type Action, ACTIONS } from "./actions.ts";
import { Simulation } from "./simulation.ts";

const SEQUENCES = 12_000;

/** Which actions come how often. */
const WEIGHTS: Readonly<Partial<Record<Action, number>>> = {
  arrive: 8,
  finish: 5,
  answer_order: 4,
  progress: 4,
  answer_poll: 4,
  ask: 4,
  accept: 2,
  pass_time: 3,
  answer_capacity: 2,
};
const weighted = ACTIONS.flatMap((action) => Array.from({ length: WEIGHTS[action] ?? 1 }, () => action));

const sequence = fc.array(fc.tuple(fc.constantFrom(...weighted), fc.nat(7), fc.nat(7), fc.nat(7)), {
  minLength: 10,
  maxLength: 80,
  size: "max",
});
const options = fc.record({
  kind: fc.constantFrom("router", "router", "mixed", "single"),
  maxInstances: fc.nat(3),
  seen: fc.constantFrom(true, true, true, false),
  sizesMb: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
  servers: fc.constantFrom(1, 1, 2, 2, 3, 4, 5, 6, 7, 8),
  terms: fc.record({
    maxQueueDepth: fc.constantFrom(0, 1, 3, 32),
    maxWait: fc.constantFrom(0, 500, 5_000),
    maxInflight: fc.constantFrom(0, 0, 1, 3),
    vramBudgetMb: fc.constantFrom(0, 6, 10),
    vramMarginMb: fc.constantFrom(0, 2),
    idleUnload: fc.constantFrom(0, 0, 1_000),
    drainTimeout: fc.constantFrom(0, 2_000),
    maxAffinityWait: fc.constantFrom(0, 500, 8_000),
    maxReplicas: fc.constantFrom(0, 0, 1, 2),
    priorityAgeing: fc.constantFrom(0, 1_000, 10_000),
  }),
});

Deno.test("whatever happens to 1 to 8 servers: slots, queue, order and budget hold, nobody starves, each request ends once, counters end at zero", async (t) => {
  const seed = seedFromArguments() ?? Math.floor(Math.random() * 2 ** 31);
  await t.step(`${SEQUENCES} random sequences from seed ${seed} (again with: -- --seed=${seed})`, () => {
    let refusedForMemory = 0;
    fc.assert(
      fc.property(
        options,
        sequence,
        fc.constantFrom("close", "settle", "settle under load"),
        (options, actions, end) => {
          const simulation = new Simulation(options);
          for (const [action, which, how, where] of actions) simulation.act(action, which, how, where);
          if (end !== "close") simulation.settle(end === "settle under load");
          simulation.close();
          refusedForMemory += simulation.refusedForMemory;
        },
      ),
      { numRuns: SEQUENCES, seed },
    );
    assert(refusedForMemory > 0, "the sequences never filled the budget");
  });
});

function seedFromArguments(): number | undefined {
  const argument = Deno.args.find((argument) => argument.startsWith("--seed="));
  return argument === undefined ? undefined : Number(argument.slice("--seed=".length));
}
