import { assert, assertEquals } from "@std/assert";
import type { Daemon } from "../../support/daemon.ts";
import { eventually } from "../../support/eventually.ts";
import { openDescriptors } from "../../support/process_inspection.ts";

/** How inferences ended: how many for each outcome and stage, such as `{ "cancelled queue": 1 }`. */
export type Outcomes = Record<string, number>;

/** Connections to llama-server that modeld may keep for reuse, and to hear of its models. */
const KEPT_CONNECTIONS = 4;

/** The side of llama-server, as far as the accounts need it. */
export interface Upstream {
  readonly openConnections: number;
}

/** What a daemon holds, and what became of its requests, at one moment. */
export class Accounts {
  readonly #descriptors: number;
  readonly #outcomes: ReadonlyMap<string, number>;
  readonly #daemon: Daemon;
  readonly #upstream: Upstream;

  private constructor(
    daemon: Daemon,
    upstream: Upstream,
    descriptors: number,
    outcomes: ReadonlyMap<string, number>,
  ) {
    this.#daemon = daemon;
    this.#upstream = upstream;
    this.#descriptors = descriptors;
    this.#outcomes = outcomes;
  }

  static async of(daemon: Daemon, upstream: Upstream): Promise<Accounts> {
    return new Accounts(daemon, upstream, await settledDescriptors(daemon, upstream), await outcomesOf(daemon));
  }

  /**
   * Asserts that since then requests ended exactly so, or at most so many where chance decides, and that all that was taken
   * has been given back.
   */
  async settle(expected: Outcomes | number): Promise<void> {
    await eventually("slots, queue and in-flight requests back at zero", async () => await held(this.#daemon) === 0);
    const outcomes = await this.outcomesSince();
    if (typeof expected === "object") assertEquals(outcomes, expected);
    else assert(Object.values(outcomes).reduce((sum, count) => sum + count, 0) <= expected, JSON.stringify(outcomes));
    await eventually(
      `at most ${KEPT_CONNECTIONS} connections to llama-server`,
      () => this.#upstream.openConnections <= KEPT_CONNECTIONS,
    );
    await eventually(
      `at most ${this.#descriptors} file descriptors beside those`,
      async () => await ownDescriptors(this.#daemon, this.#upstream) <= this.#descriptors,
    );
  }

  /** How requests have ended since then. */
  async outcomesSince(): Promise<Outcomes> {
    const since: Outcomes = {};
    for (const [name, count] of await outcomesOf(this.#daemon)) {
      const more = count - (this.#outcomes.get(name) ?? 0);
      if (more !== 0) since[name] = more;
    }
    return since;
  }
}

/** File descriptors but for the connections to llama-server. */
async function ownDescriptors(daemon: Daemon, upstream: Upstream): Promise<number> {
  return await openDescriptors(daemon.process.pid) - upstream.openConnections;
}

/** The same, once what was closing is closed on both sides: the first number that comes a few times in a row. */
async function settledDescriptors(daemon: Daemon, upstream: Upstream): Promise<number> {
  let last = -1;
  let times = 0;
  await eventually("a steady number of descriptors", async () => {
    const now = await ownDescriptors(daemon, upstream);
    times = now === last ? times + 1 : 1;
    last = now;
    return times === 4;
  });
  return last;
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

/** The paths whose requests are inferences. */
const INFERENCES = /^\/(infer|completion|v1\/(?!models))/;

/** Slots, places in queues and requests for inference that are taken. A negative one is an error. */
async function held(daemon: Daemon): Promise<number> {
  const { text } = await daemon.get("/metrics");
  const gauges = [
    ...samples(text, "modeld_inflight"),
    ...samples(text, "modeld_queue_depth"),
    ...samples(text, "modeld_http_inflight_requests").filter(({ labels }) => INFERENCES.test(labels["path"] ?? "")),
  ].map(({ value }) => value);
  const { instances } = await daemon.json("/status");
  const counts: number[] = [...gauges];
  for (const { inflight, queue_len } of instances) counts.push(inflight, queue_len);
  assertEquals(counts.filter((count) => count < 0), [], "a counter is negative");
  return counts.reduce((sum, count) => sum + count, 0);
}
