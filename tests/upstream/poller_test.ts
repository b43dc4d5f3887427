import { assert, assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { ServerCalls } from "../../src/upstream/calls.ts";
import type { ServerEvent } from "../../src/upstream/lifecycle.ts";
import { Poller } from "../../src/upstream/poller.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeLlamaServer } from "../support/fake_llama_server.ts";

/** A poller that writes down what it reports. */
class PollerRig {
  readonly clock = new FakeClock();
  readonly reports: ServerEvent[] = [];
  readonly poller: Poller;
  urgent = false;
  readonly #calls = new ServerCalls(this.clock);

  constructor(server: FakeLlamaServer) {
    this.poller = new Poller({
      server,
      calls: this.#calls,
      clock: this.clock,
      random: () => 0.5,
      addFileFacts: (models) => Promise.resolve(models),
      report: (event) => this.reports.push(event),
      isUrgent: () => this.urgent,
    });
    this.poller.start();
  }

  /** Lets time pass; answers how many polls reported something meanwhile. */
  async pass(ms: number): Promise<number> {
    const before = this.reports.length;
    for (let left = ms; left > 0; left -= 10) await this.clock.tick(10);
    return this.reports.length - before;
  }

  async stop(): Promise<void> {
    const stopped = this.poller.stop();
    await this.#calls.close();
    await stopped;
    assertEquals(this.clock.pendingTimers, 0);
  }
}

Deno.test("a server is polled about every second and a half, and often while something is about to change", async () => {
  const rig = new PollerRig(new FakeLlamaServer("m"));
  await rig.pass(10);
  assertEquals(await rig.pass(10_000), 6);
  rig.urgent = true;
  await rig.pass(2_000);
  assertEquals(await rig.pass(1_000), 10);
  await rig.stop();
});

Deno.test("a lost server is polled with growing pauses, of two and a half seconds at most", async () => {
  const server = new FakeLlamaServer("m");
  server.down = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  const rig = new PollerRig(server);
  const perSecond = [];
  for (let second = 0; second < 8; second++) perSecond.push(await rig.pass(1_000));
  const [first, ...later] = perSecond;
  assert(first !== undefined && first >= 3, perSecond.join());
  assert(later.slice(3).every((count) => count <= 1), perSecond.join());
  server.down = undefined;
  await rig.pass(2_500);
  assertEquals(rig.reports.at(-1)?.is, "seen");
  await rig.stop();
});

Deno.test("whoever asks for a poll gets one soon, however many ask", async () => {
  const rig = new PollerRig(new FakeLlamaServer("m"));
  await rig.pass(100);
  for (let count = 0; count < 100; count++) rig.poller.pollNow();
  assertEquals(await rig.pass(100), 1);
  await rig.stop();
});

Deno.test("a change that a router reports leads to a poll, once it has happened", async () => {
  const server = FakeLlamaServer.router(0, "a");
  const rig = new PollerRig(server);
  await rig.pass(100);
  server.set("a", "loading");
  assertEquals(await rig.pass(100), 0);
  server.set("a", "loaded");
  assertEquals(await rig.pass(100), 1);
  await rig.stop();
});

Deno.test("a router that has no events is asked for its events once, and polled", async () => {
  const server = FakeLlamaServer.router(0, "m");
  let asked = 0;
  server.events = () => {
    asked++;
    throw new ModeldError("upstream_refused", "no /models/sse");
  };
  const rig = new PollerRig(server);
  rig.urgent = true;
  await rig.pass(50);
  assertEquals(await rig.pass(1_000), 10);
  assertEquals(asked, 1);
  await rig.stop();
});

Deno.test("a router's events are followed anew when their stream has ended, and missed changes are polled for at once", async () => {
  const server = FakeLlamaServer.router(0, "m");
  const streams: PromiseWithResolvers<void>[] = [];
  server.events = async function* (signal: AbortSignal) {
    const stream = Promise.withResolvers<void>();
    streams.push(stream);
    signal.addEventListener("abort", () => stream.resolve());
    await stream.promise;
    yield* [];
  };
  const rig = new PollerRig(server);
  await rig.pass(1_500);
  assertEquals(streams.length, 1);
  streams[0]?.resolve();
  assertEquals([await rig.pass(50), streams.length], [1, 2]);
  await rig.stop();
});

/** A server that never says how it is. */
function silent(): FakeLlamaServer {
  const server = new FakeLlamaServer("m");
  server.health = (signal?: AbortSignal) =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  return server;
}

Deno.test("a server is lost after three polls in a row without an answer, each of ten seconds", async () => {
  const rig = new PollerRig(silent());
  await rig.pass(30_000);
  assertEquals(rig.reports, []);
  await rig.pass(1_500);
  const [report] = rig.reports;
  assert(report?.is === "lost");
  assertEquals(report.error.message, "llama-server did not say how it is within 10000 ms");
  await rig.stop();
});

Deno.test("a server that sends bytes is not lost, however many polls go without an answer", async () => {
  const server = silent();
  const rig = new PollerRig(server);
  for (let second = 0; second < 60; second++) {
    await rig.pass(1_000);
    server.lastHeardAt = rig.clock.now();
  }
  assertEquals(rig.reports, []);
  await rig.stop();
});

Deno.test("one refused connection is enough to lose a server", async () => {
  const server = new FakeLlamaServer("m");
  const rig = new PollerRig(server);
  await rig.pass(100);
  server.down = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  await rig.pass(2_200);
  assertEquals(rig.reports.map(({ is }) => is).slice(0, 2), ["seen", "lost"]);
  await rig.stop();
});

Deno.test("an exception of modeld's own, and its own shortage of descriptors, are no evidence against a server", async () => {
  for (const error of [new TypeError("a defect"), new ModeldError("overloaded", "no file descriptor left")]) {
    const server = new FakeLlamaServer("m");
    const rig = new PollerRig(server);
    server.down = error;
    await rig.pass(10_000);
    assertEquals(rig.reports, []);
    await rig.stop();
  }
});

Deno.test("a question that is not answered ends when another of the same poll has failed", async () => {
  const server = new FakeLlamaServer("m");
  let open = 0;
  server.health = () => Promise.reject(new ModeldError("upstream_error", "500"));
  server.models = (signal?: AbortSignal) => {
    open++;
    return new Promise((_, reject) =>
      signal?.addEventListener("abort", () => {
        open--;
        reject(signal.reason);
      })
    );
  };
  const rig = new PollerRig(server);
  await rig.pass(5_000);
  assertEquals([rig.reports.length > 0, open], [true, 0]);
  await rig.stop();
});

Deno.test("after a loss the server is asked again what it is", async () => {
  const server = new FakeLlamaServer("m");
  const rig = new PollerRig(server);
  await rig.pass(100);
  server.down = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  await rig.pass(3_000);
  server.down = undefined;
  server.description = { kind: "router" };
  await rig.pass(3_000);
  const seen = rig.reports.at(-1);
  assertEquals(seen?.is === "seen" && seen.snapshot.description.kind, "router");
  await rig.stop();
});
