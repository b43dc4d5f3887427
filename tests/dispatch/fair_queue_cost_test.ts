import { priorities } from "../../src/base/client.ts";
import { ClientCounts } from "../../src/dispatch/client_counts.ts";
import { FairQueue } from "../../src/dispatch/fair_queue.ts";
import type { Entry, FairRequest } from "../../src/dispatch/waiting_line.ts";
import { assert } from "@std/assert";

const clients = Array.from({ length: 1_000 }, (_, i) => {
  return { name: `client-${i}`, weight: 1 + i % 4, maxInflight: i % 3 === 0 ? 2 : 0, maxQueue: 0 };
});
const slots = 32;
/** Steps of a round: short enough for many rounds to run without the machine doing something else meanwhile. */
const steps = 200;
const rounds = 200;

/**
 * Microseconds a step; of each four steps, one lets a request wait, one takes another out, one ends a running request
 * and one starts the next. Of many rounds, the cost that a quarter of them did not reach: the machine does other things
 * as well.
 */
function costOfStep(waiting: number): number {
  const queue = new FairQueue<FairRequest>(() => ({ ageing: 10_000, maxPassed: 2_000 }), new ClientCounts());
  let now = 0;
  let count = 0;
  const add = () => {
    const client = clients[count * 7 % clients.length] ?? clients[0];
    const priority = priorities[count % 3];
    count++;
    if (client === undefined || priority === undefined) throw new Error("out of range");
    const added = queue.add({ client, priority, arrivedAt: now, slots: 1 }, now, Infinity);
    if ("full" in added) throw new Error("refused");
    return added.entry;
  };
  const start = () => {
    const entry = queue.next(now, () => true);
    if (entry === undefined) throw new Error("nothing to start");
    queue.start(entry, now);
    return entry;
  };
  const patient: Entry<FairRequest>[] = [];
  for (let i = 0; i < waiting; i++) {
    patient.push(add());
    now += 0.1;
  }
  const running = Array.from({ length: slots }, start);
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    for (let i = 0; i < steps / 4; i++) {
      now += 1;
      patient.push(add());
      const given = patient[((round * steps + i) * 7_919) % patient.length];
      if (given !== undefined) queue.remove(given, now);
      const ended = running.shift();
      if (ended !== undefined) queue.end(ended, now);
      running.push(start());
    }
    costs.push((performance.now() - begun) * 1_000 / steps);
  }
  return costs.toSorted((one, other) => one - other)[rounds >> 2] ?? NaN;
}

Deno.test("a step costs under 20 µs with 100,000 waiting requests of 1,000 clients, and little more than with 2,000", () => {
  // The code is compiled for both sizes before either is measured.
  costOfStep(500);
  const [few, many] = [costOfStep(2_000), costOfStep(100_000)];
  assert(many < 20, `${many.toFixed(1)} µs`);
  assert(many < 5 * few, `${many.toFixed(1)} µs with 100,000, ${few.toFixed(1)} µs with 2,000`);
});
