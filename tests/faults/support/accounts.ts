import { assertEquals } from "@std/assert";
import type { Daemon } from "../../support/daemon.ts";
import { eventually } from "../../support/eventually.ts";
import { openDescriptors } from "../../support/process_inspection.ts";

/** How inferences ended: how many for each outcome and stage, such as `{ "cancelled queue": 1 }`. */
export type Outcomes = Record<string, number>;

/** What a daemon holds, and what became of its requests, at one moment. */
export class Accounts {
  readonly descriptors: number;
  readonly #outcomes: ReadonlyMap<string, number>;

  private constructor(descriptors: number, outcomes: ReadonlyMap<string, number>) {
    this.descriptors = descriptors;
    this.#outcomes = outcomes;
  }

  static async of(daemon: Daemon): Promise<Accounts> {
    const outcomes = await outcomesOf(daemon);
    return new Accounts(await openDescriptors(daemon.process.pid), outcomes);
  }

  /**
   * Asserts that since then requests ended exactly so, and that slots, queue, gauges and file descriptors are back.
   * Descriptors may be fewer: a connection kept for reuse may have been closed meanwhile.
   */
  async settle(daemon: Daemon, expected: Outcomes): Promise<void> {
    await eventually("slots, queue and in-flight requests back at zero", async () => await held(daemon) === 0);
    assertEquals(await this.outcomesSince(daemon), expected);
    await eventually(
      `at most ${this.descriptors} file descriptors open`,
      async () => await openDescriptors(daemon.process.pid) <= this.descriptors,
    );
  }

  /** How requests have ended since then. */
  async outcomesSince(daemon: Daemon): Promise<Outcomes> {
    const since: Outcomes = {};
    for (const [name, count] of await outcomesOf(daemon)) {
      const more = count - (this.#outcomes.get(name) ?? 0);
      if (more !== 0) since[name] = more;
    }
    return since;
  }
}

/** The samples of one metric: labels and value. */
export function samples(metrics: string, name: string): { labels: Record<string, string>; value: number }[] {
  const found = [];
  for (const [, labels = "", value] of metrics.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, "gm"))) {
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]);
    found.push({ labels: Object.fromEntries(pairs), value: Number(value) });
  }
  return found;
}

async function outcomesOf(daemon: Daemon): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  const { text } = await daemon.get("/metrics");
  for (const { labels, value } of samples(text, "modeld_requests_total")) {
    const name = `${labels["outcome"]} ${labels["stage"]}`;
    outcomes.set(name, (outcomes.get(name) ?? 0) + value);
  }
  return outcomes;
}

/** Slots, places in queues and requests to `/infer` that are taken. A negative one is an error. */
async function held(daemon: Daemon): Promise<number> {
  const { text } = await daemon.get("/metrics");
  const gauges = [
    ...samples(text, "modeld_inflight"),
    ...samples(text, "modeld_queue_depth"),
    ...samples(text, "modeld_http_inflight_requests").filter(({ labels }) => labels["path"] === "/infer"),
  ].map(({ value }) => value);
  const { instances } = await daemon.json("/status");
  const counts: number[] = [...gauges];
  for (const { inflight, queue_len } of instances) counts.push(inflight, queue_len);
  assertEquals(counts.filter((count) => count < 0), [], "a counter is negative");
  return counts.reduce((sum, count) => sum + count, 0);
}
