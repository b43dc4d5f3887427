import { assertEquals } from "@std/assert";
import { Daemon } from "../../support/daemon.ts";
import { eventually } from "../../support/eventually.ts";
import { infer, type InferReply } from "../../support/ndjson_client.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../../support/fake_llama_http_server.ts";
import { Accounts, type Outcomes } from "./accounts.ts";

/** Several llama-servers that misbehave on demand, and a modeld in front of them. */
export interface FleetScenario {
  /** `server-1`, `server-2` and so on. */
  readonly llamas: readonly FakeLlamaHttpServer[];
  readonly modeld: Daemon;
  /** Posts to `/infer`. */
  ask(request?: Record<string, unknown>): Promise<InferReply>;
  /** Closes a server, so that its address refuses connections. */
  close(index: number): Promise<void>;
  /** Starts a server again at the address of one that was closed. */
  reopen(index: number, options?: FakeLlamaOptions): Promise<FakeLlamaHttpServer>;
}

/** What a scenario is played with, and how it must end. */
export interface FleetOptions {
  /** One for each server. */
  readonly standIns: readonly FakeLlamaOptions[];
  readonly modeld?: readonly string[];
  readonly outcomes: Outcomes | number;
}

/** Generations that were asked for, over all servers. */
export function postsTo(llamas: readonly FakeLlamaHttpServer[]): number {
  return llamas.reduce((sum, { posts }) => sum + posts.length, 0);
}

/** Resolves when `/status` shows these states of the servers, in their order. */
export async function untilStates(modeld: Daemon, ...expected: readonly string[]): Promise<void> {
  await eventually(`servers are ${expected.join(", ")}`, async () => {
    const { servers } = await modeld.json("/status");
    return servers.map(({ state }: { state: string }) => state).join() === expected.join();
  });
}

/** Plays a scenario, and asserts that each request had its one outcome and that everything taken was given back. */
export async function playFleet(
  options: FleetOptions,
  scene: (scenario: FleetScenario) => Promise<void>,
): Promise<void> {
  const llamas = await Promise.all(options.standIns.map((fake) => FakeLlamaHttpServer.start(fake)));
  const ports = llamas.map(({ url }) => Number(url.port));
  const urls = llamas.map(({ url }) => url.href).join(",");
  try {
    const args = ["--llama-url", urls, "--preflight=off", "--default-model=tiny", ...options.modeld ?? []];
    const modeld = await (await Daemon.start({ args })).ready();
    try {
      await untilStates(modeld, ...llamas.map(() => "ready"));
      const before = await Accounts.of(modeld, {
        get openConnections() {
          return llamas.reduce((sum, llama) => sum + llama.openConnections, 0);
        },
      });
      await scene({
        llamas,
        modeld,
        ask: (request) => infer(modeld.url, { prompt: "Once", ...request }),
        close: async (index) => await llamas[index]?.close(),
        reopen: async (index, fake) => {
          const again = await FakeLlamaHttpServer.start({ ...fake, port: ports[index] ?? 0 });
          llamas[index] = again;
          return again;
        },
      });
      const outcomes = await before.outcomesSince();
      if (typeof options.outcomes === "object") assertEquals(outcomes, options.outcomes);
      await eventually("nothing is held", async () => {
        const { servers, instances } = await modeld.json("/status");
        return servers.every(({ running }: { running: number }) => running === 0) &&
          instances.every((one: { inflight: number; queue_len: number }) => one.inflight + one.queue_len === 0);
      });
      assertEquals(await modeld.stop(), { code: 0, signal: null }, modeld.stderr);
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    await Promise.all(llamas.map((llama) => llama.close()));
  }
}
