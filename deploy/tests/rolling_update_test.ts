import { assert, assertEquals } from "@std/assert";
import { Daemon } from "../../tests/support/daemon.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { FakeLlamaHttpServer } from "../../tests/support/fake_llama_http_server.ts";
import { freePort } from "../../tests/support/ports.ts";
import { startHaproxy } from "./haproxy.ts";

const MODELDS = 3;
const PER_SECOND = 50;
const JSON_TYPE = { "Content-Type": "application/json" };
/** Before the first restart and after the last. */
const CALM_MS = 1_000;

Deno.test("a rolling restart of three modelds at 50 requests a second loses nothing and generates nothing twice", async () => {
  const folder = await Deno.makeTempDir({ prefix: "modeld-rolling-" });
  const llamas: FakeLlamaHttpServer[] = [];
  const modelds: Daemon[] = [];
  const ports = Array.from({ length: MODELDS }, () => freePort());
  // Ample slots and queues: what may be lost here is lost by the restart, not by a machine that is too slow for the load.
  for (let i = 0; i < MODELDS; i++) {
    llamas.push(await FakeLlamaHttpServer.start({ tokens: ["a", "b", "c"], tokenDelay: 20, slots: 16 }));
  }
  const start = (i: number) => startModeld(ports[i] as number, llamas[i] as FakeLlamaHttpServer);
  for (let i = 0; i < MODELDS; i++) modelds.push(await start(i));
  const port = freePort();
  const haproxy = await startHaproxy(port, modelds.map(({ url }) => url), folder);
  const load = new Load(new URL(`http://127.0.0.1:${port}`));
  try {
    await Promise.all(modelds.map(taken));
    await load.run(CALM_MS);
    for (let i = 0; i < MODELDS; i++) {
      const before = load.sent;
      assertEquals(await (modelds[i] as Daemon).stop(), { code: 0, signal: null });
      modelds[i] = await start(i);
      await taken(modelds[i] as Daemon);
      assert(load.sent > before, "requests came all the while");
    }
    await load.run(CALM_MS);
    const outcomes = await load.stop();
    console.log(`${outcomes.length} requests in ${Math.round(load.ms)} ms`);
    assertEquals(counted(outcomes), { whole: outcomes.length }, haproxy.lines.join("\n"));
    assert(outcomes.length > 2 * PER_SECOND * CALM_MS / 1_000);
    const prompts = llamas.flatMap(({ posts }) => posts.map(({ body }) => String(JSON.parse(body).prompt)));
    assertEquals(prompts.length, new Set(prompts).size, "none was generated twice");
    assertEquals(prompts.length, outcomes.length);
  } finally {
    await load.stop();
    await haproxy.stop();
    for (const modeld of modelds) await modeld.stop();
    for (const llama of llamas) await llama.close();
    await Deno.remove(folder, { recursive: true });
  }
});

/** How often each text stands in the list. */
function counted(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

/** A modeld as the manifests start it: it lets running answers end. */
async function startModeld(port: number, llama: FakeLlamaHttpServer): Promise<Daemon> {
  const args = ["--addr", `127.0.0.1:${port}`, "--llama-url", llama.url.href, "--preflight", "off"];
  const patience = ["--max-queue-depth", "1000", "--max-wait", "60s", "--shutdown-timeout", "30s"];
  return await (await Daemon.start({ args: [...args, ...patience] })).ready();
}

/** Resolves when HAProxy has found the modeld ready, and so sends it requests. */
async function taken(modeld: Daemon): Promise<void> {
  const checks = /^modeld_http_requests_total\{path="\/readyz",method="GET",status="200"\} (\d+)$/m;
  const before = Number(checks.exec((await modeld.get("/metrics")).text)?.[1] ?? 0);
  await eventually("HAProxy has asked it twice more", async () => {
    return Number(checks.exec((await modeld.get("/metrics")).text)?.[1] ?? 0) >= before + 2;
  });
}

/** Requests at a steady pace, whatever becomes of those before. */
class Load {
  sent = 0;
  readonly #url: URL;
  readonly #outcomes: Promise<string>[] = [];
  readonly #begin = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  ms = 0;

  constructor(url: URL) {
    this.#url = url;
    this.#timer = setInterval(() => this.#catchUp(), 1_000 / PER_SECOND);
  }

  /** Lets it go on for so long. */
  run(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Sends no more; how each request ended: `whole`, else what went wrong. */
  async stop(): Promise<string[]> {
    clearInterval(this.#timer);
    this.ms ||= performance.now() - this.#begin;
    return await Promise.all(this.#outcomes);
  }

  /** As many as are due by now: a busy machine's timers are late. */
  #catchUp(): void {
    const due = (performance.now() - this.#begin) * PER_SECOND / 1_000;
    while (this.sent < due) this.#outcomes.push(this.#ask(`request ${this.sent++}`));
  }

  async #ask(prompt: string): Promise<string> {
    try {
      const body = JSON.stringify({ prompt });
      const reply = await fetch(new URL("/infer", this.#url), { method: "POST", headers: JSON_TYPE, body });
      const text = await reply.text();
      return text.endsWith("\n") && text.includes('"done":true,"content":"abc"') ? "whole" : `${reply.status} ${text}`;
    } catch (error) {
      return String(error);
    }
  }
}
