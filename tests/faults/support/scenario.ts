import { assertEquals } from "@std/assert";
import { Daemon } from "../../support/daemon.ts";
import { infer, type InferReply } from "../../support/ndjson_client.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../../support/fake_llama_http_server.ts";
import { Accounts, type Outcomes, samples } from "./accounts.ts";

/** How long a scene may take, in ms. */
const SCENE_MS = 60_000;

/** A modeld in front of a llama-server that misbehaves on demand. */
export interface Scenario {
  readonly llama: FakeLlamaHttpServer;
  readonly modeld: Daemon;
  /** Posts to `/infer`; `prompt` and `model` are filled in. */
  ask(request?: Record<string, unknown>, options?: Parameters<typeof infer>[2]): Promise<InferReply>;
}

/** What a scenario is played with, and how it must end. */
export interface ScenarioOptions {
  readonly fake?: FakeLlamaOptions;
  readonly modeld?: readonly string[];
  /** Flags of `deno run` itself, such as V8's; for a daemon from source. */
  readonly denoFlags?: readonly string[];
  /** How its requests end: outcome and stage, such as `{ "truncated stream": 1 }`; how many at most, where chance decides. */
  readonly outcomes: Outcomes | number;
  /** How many generations llama-server is asked for; undefined where chance decides. */
  readonly posts: number | undefined;
}

/**
 * Plays a scenario, and asserts what holds for all of them: each request had its one outcome, llama-server was asked exactly
 * as often as expected, everything taken was given back, modeld still serves, and it stops in order.
 */
export async function play(options: ScenarioOptions, scene: (scenario: Scenario) => Promise<void>): Promise<void> {
  const llama = await FakeLlamaHttpServer.start(options.fake);
  try {
    const args = ["--llama-url", llama.url.href, "--preflight=off", ...options.modeld ?? []];
    const modeld = await (await Daemon.start({ args, denoFlags: options.denoFlags ?? [] })).ready();
    try {
      const ask: Scenario["ask"] = (request, init) => {
        const reply = infer(
          modeld.url,
          { prompt: "Once", ...llama.router && { model: llama.models[0] }, ...request },
          init,
        );
        reply.catch(() => {}); // a scene that fails before it awaits this one shall fail with its own error
        return reply;
      };
      await warmUp(ask, llama);
      const before = await Accounts.of(modeld, llama);
      const posts = llama.posts.length;
      await within(SCENE_MS, scene({ llama, modeld, ask }));
      await before.settle(options.outcomes);
      const asked = llama.posts.length - posts;
      assertEquals(asked, options.posts ?? asked, "generations that llama-server was asked for");
      const exit = await modeld.stop();
      assertEquals(exit, { code: 0, signal: null }, modeld.stderr);
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    await llama.close();
  }
}

/** Waits for a scene, but not for ever: what it waits for may never come. */
async function within(ms: number, scene: Promise<void>): Promise<void> {
  const { promise: hung, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`the scene is not over after ${ms} ms`)), ms);
  try {
    await Promise.race([scene, hung]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * One request that ends well, so that what is opened once and kept is open before anything is counted. On a busy machine
 * the first may not be done before a scene's short deadline passes.
 */
async function warmUp(ask: Scenario["ask"], llama: FakeLlamaHttpServer): Promise<void> {
  if (llama.router !== undefined) return;
  for (let tries = 5; tries > 0; tries--) {
    if ((await (await ask()).last()).done === true) return;
  }
  throw new Error("no request ends well, even before the scene begins");
}

/** How many requests to `/infer` are being answered, from their head on. */
export async function inflightRequests(modeld: Daemon): Promise<number> {
  const gauges = samples((await modeld.get("/metrics")).text, "modeld_http_inflight_requests");
  return gauges.find(({ labels }) => labels["path"] === "/infer")?.value ?? 0;
}

/** How many requests wait for a slot, for all models together. */
export async function queueLength(modeld: Daemon): Promise<number> {
  return await sumOf(modeld, "queue_len");
}

/** How many requests hold a slot or wait for one, for all models together. */
export async function admitted(modeld: Daemon): Promise<number> {
  return await queueLength(modeld) + await sumOf(modeld, "inflight");
}

async function sumOf(modeld: Daemon, field: "queue_len" | "inflight"): Promise<number> {
  const { instances } = await modeld.json("/status");
  return instances.reduce((sum: number, instance: Record<typeof field, number>) => sum + instance[field], 0);
}
