import { Daemon } from "../../tests/support/daemon.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { RealLlamaServer } from "../../tests/support/real_llama_server.ts";
import { childrenOf } from "../../tests/support/process_inspection.ts";

/** Several real llama-servers, and a modeld in front of them. */
export interface Fleet {
  /** `server-1`, `server-2` and so on. */
  readonly llamas: readonly RealLlamaServer[];
  readonly modeld: Daemon;
}

/** Runs a test against so many llama-servers, each started with these arguments, all of them there. */
export async function withFleet(
  count: number,
  llamaArgs: readonly string[],
  modeldArgs: readonly string[],
  run: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  const llamas: RealLlamaServer[] = [];
  try {
    for (let i = 0; i < count; i++) llamas.push(await RealLlamaServer.start(llamaArgs));
    const urls = llamas.map(({ url }) => url.href).join(",");
    const modeld = await Daemon.start({ args: ["--llama-url", urls, "--preflight=off", ...modeldArgs] });
    try {
      await modeld.ready();
      await eventually("all are there", async () => (await states(modeld)).every((state) => state === "ready"));
      await run({ llamas, modeld });
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    for (const llama of llamas) await kill(llama);
  }
}

/** Kills a llama-server, and where it is a router the processes of its models, which would live on. */
export async function kill({ process }: RealLlamaServer): Promise<void> {
  if (process.exit !== undefined) return;
  process.signal("SIGCONT");
  const children = await childrenOf(process.pid);
  await process.stop("SIGKILL");
  for (const child of children) {
    try {
      Deno.kill(child, "SIGKILL");
    } catch (error) {
      // It ended with its router.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** The states of the servers, in order. */
export async function states(modeld: Daemon): Promise<readonly string[]> {
  const { servers } = await modeld.json("/status");
  return servers.map(({ state }: { state: string }) => state);
}

/** Tokens as both sides count them. */
export interface TokenCounts {
  /** Prompt tokens that were computed, not taken from the cache. */
  readonly computed: number;
  readonly generated: number;
}

/** What llama-servers counted since they were started (`--metrics`). */
export async function countedByServers(llamas: readonly RealLlamaServer[]): Promise<TokenCounts> {
  const texts = await Promise.all(llamas.map(async ({ url }) => await (await fetch(new URL("/metrics", url))).text()));
  const sum = (name: string) => texts.reduce((total, text) => total + sample(text, name), 0);
  return { computed: sum("llamacpp:prompt_tokens_total"), generated: sum("llamacpp:tokens_predicted_total") };
}

/** What modeld counted of inferences that ended well. */
export async function countedByModeld(modeld: Daemon): Promise<TokenCounts> {
  const { text } = await modeld.get("/metrics");
  return {
    computed: sample(text, 'modeld_prompt_tokens_total\\{.*source="computed"\\}'),
    generated: sample(text, 'modeld_tokens_total\\{.*kind="completion"\\}'),
  };
}

/** The difference of two counts. */
export function since(before: TokenCounts, now: TokenCounts): TokenCounts {
  return { computed: now.computed - before.computed, generated: now.generated - before.generated };
}

/** The sum of all samples of a metric. */
function sample(text: string, name: string): number {
  return Array.from(text.matchAll(new RegExp(`^${name} (\\S+)$`, "gm")), ([, value]) => Number(value))
    .reduce((sum, value) => sum + value, 0);
}
