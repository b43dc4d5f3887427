import { assert, assertEquals } from "@std/assert";
import { ModeldError } from "../../../src/errors.ts";
import { ServerCalls } from "../../../src/manager/server_calls.ts";
import type { Event } from "../../../src/manager/state/events.ts";
import { ServerWatcher } from "../../../src/manager/watch/server_watcher.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { FakeAdapter } from "../fake_adapter.ts";

/** A watcher that writes down what it reports. */
class WatcherRig {
  readonly clock = new FakeClock();
  readonly reports: Event[] = [];
  readonly watcher: ServerWatcher;
  urgent = false;
  readonly #calls = new ServerCalls(this.clock);

  constructor(adapter: FakeAdapter) {
    this.watcher = new ServerWatcher({
      adapter,
      calls: this.#calls,
      clock: this.clock,
      random: () => 0.5,
      addFileFacts: (models) => Promise.resolve(models),
      report: (event) => this.reports.push(event),
      isUrgent: () => this.urgent,
    });
    this.watcher.start();
  }

  /** Lets time pass; answers how many looks ended meanwhile. */
  async pass(ms: number): Promise<number> {
    const before = this.reports.length;
    for (let left = ms; left > 0; left -= 10) await this.clock.tick(10);
    return this.reports.length - before;
  }

  async stop(): Promise<void> {
    const stopped = this.watcher.stop();
    await this.#calls.close();
    await stopped;
    assertEquals(this.clock.pendingTimers, 0);
  }
}

Deno.test("a server is looked at every two seconds, and often while something is about to change", async () => {
  const rig = new WatcherRig(new FakeAdapter("m"));
  await rig.pass(10);
  assertEquals(await rig.pass(10_000), 5);
  rig.urgent = true;
  await rig.pass(2_000);
  assertEquals(await rig.pass(1_000), 10);
  await rig.stop();
});

Deno.test("a lost server is looked for with growing pauses, of two and a half seconds at most", async () => {
  const adapter = new FakeAdapter("m");
  adapter.down = new ModeldError("unreachable", "connection refused");
  const rig = new WatcherRig(adapter);
  const perSecond = [];
  for (let second = 0; second < 8; second++) perSecond.push(await rig.pass(1_000));
  const [first, ...later] = perSecond;
  assert(first !== undefined && first >= 3, perSecond.join());
  assert(later.slice(3).every((count) => count <= 1), perSecond.join());
  adapter.down = undefined;
  await rig.pass(2_500);
  assertEquals(rig.reports.at(-1)?.is, "seen");
  await rig.stop();
});

Deno.test("a look that modeld itself could not take says nothing about the server, and is soon tried again", async () => {
  const adapter = new FakeAdapter("m");
  const rig = new WatcherRig(adapter);
  await rig.pass(10);
  adapter.down = new ModeldError("overloaded", "no file descriptor left");
  assertEquals(await rig.pass(5_000), 0);
  adapter.down = undefined;
  await rig.pass(300);
  assertEquals(rig.reports.map(({ is }) => is), ["seen", "seen"]);
  await rig.stop();
});

Deno.test("whoever asks for a look gets one soon, however many ask", async () => {
  const rig = new WatcherRig(new FakeAdapter("m"));
  await rig.pass(100);
  for (let count = 0; count < 100; count++) rig.watcher.lookNow();
  assertEquals(await rig.pass(100), 1);
  await rig.stop();
});

Deno.test("a change that a router tells of is looked at, once it has happened", async () => {
  const adapter = FakeAdapter.router(0, "a");
  const rig = new WatcherRig(adapter);
  await rig.pass(100);
  adapter.set("a", "loading");
  assertEquals(await rig.pass(100), 0);
  adapter.set("a", "loaded");
  assertEquals(await rig.pass(100), 1);
  await rig.stop();
});

Deno.test("a router that tells of nothing is asked for its events once, and polled", async () => {
  const adapter = FakeAdapter.router(0, "m");
  let asked = 0;
  adapter.events = () => {
    asked++;
    throw new ModeldError("upstream_refused", "no /models/sse");
  };
  const rig = new WatcherRig(adapter);
  rig.urgent = true;
  await rig.pass(50);
  assertEquals(await rig.pass(1_000), 10);
  assertEquals(asked, 1);
  await rig.stop();
});

Deno.test("a router's events are followed anew when their stream has ended, and missed news is looked for at once", async () => {
  const adapter = FakeAdapter.router(0, "m");
  const streams: PromiseWithResolvers<void>[] = [];
  adapter.events = async function* (signal: AbortSignal) {
    const stream = Promise.withResolvers<void>();
    streams.push(stream);
    signal.addEventListener("abort", () => stream.resolve());
    await stream.promise;
    yield* [];
  };
  const rig = new WatcherRig(adapter);
  await rig.pass(1_500);
  assertEquals(streams.length, 1);
  streams[0]?.resolve();
  assertEquals([await rig.pass(50), streams.length], [1, 2]);
  await rig.stop();
});

Deno.test("a server that does not answer counts as lost after ten seconds", async () => {
  const adapter = new FakeAdapter("m");
  adapter.health = (signal?: AbortSignal) =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const rig = new WatcherRig(adapter);
  await rig.pass(9_990);
  assertEquals(rig.reports, []);
  await rig.pass(50);
  const [report] = rig.reports;
  assert(report?.is === "lost");
  assertEquals(report.error.message, "llama-server did not say how it is within 10000 ms");
  await rig.stop();
});

Deno.test("a question that is not answered ends when another of the same look has failed", async () => {
  const adapter = new FakeAdapter("m");
  let open = 0;
  adapter.health = () => Promise.reject(new ModeldError("upstream_error", "500"));
  adapter.models = (signal?: AbortSignal) => {
    open++;
    return new Promise((_, reject) =>
      signal?.addEventListener("abort", () => {
        open--;
        reject(signal.reason);
      })
    );
  };
  const rig = new WatcherRig(adapter);
  await rig.pass(5_000);
  assertEquals([rig.reports.length > 1, open], [true, 0]);
  await rig.stop();
});

Deno.test("after a loss the server is asked again what it is", async () => {
  const adapter = new FakeAdapter("m");
  const rig = new WatcherRig(adapter);
  await rig.pass(100);
  adapter.down = new ModeldError("unreachable", "connection refused");
  await rig.pass(3_000);
  adapter.down = undefined;
  adapter.description = { kind: "router" };
  await rig.pass(3_000);
  const seen = rig.reports.at(-1);
  assertEquals(seen?.is === "seen" && seen.sighting.description.kind, "router");
  await rig.stop();
});
