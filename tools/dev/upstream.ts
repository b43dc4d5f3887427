import { loadEngine } from "../../src/demo/generation.ts";
import { serveEngine } from "../../src/demo/server.ts";
import { readStoryModel, storyModelUrl } from "../../src/demo/story_model.ts";
import { findLlamaServer, RealLlamaServer } from "../../tests/support/real_llama_server.ts";

/** A llama-server, or what stands for one, that was started for development. */
export interface Upstream {
  readonly url: URL;
  /** What to tell the developer about it. */
  readonly description: string;
  stop(): Promise<void>;
}

/**
 * Starts the best llama-server to be had: the real one that `find` finds, with the model that `LLAMA_MODEL` names or the
 * little one that tells stories; else modeld's own engine with that model.
 *
 * @throws Error when `LLAMA_SERVER_BIN` or `LLAMA_MODEL` names something that does not work.
 */
export async function startUpstream(find: () => string = findLlamaServer): Promise<Upstream> {
  const model = Deno.env.get("LLAMA_MODEL");
  if (isThere(find)) return await startReal(model);
  if (model !== undefined) throw new Error(`LLAMA_MODEL names ${model}, which needs a llama-server.\n${howToGetOne()}`);
  return await startEngine();
}

function isThere(find: () => string): boolean {
  try {
    find();
    return true;
  } catch (error) {
    // A llama-server that was asked for by name is not replaced in silence.
    if (Deno.env.has("LLAMA_SERVER_BIN")) throw error;
    return false;
  }
}

async function startReal(model: string | undefined): Promise<Upstream> {
  const server = await RealLlamaServer.start(
    model === undefined ? ["-m", storyModelUrl.pathname, "-c", "2048", "-np", "4"] : ["-m", model],
  );
  const other = "LLAMA_MODEL=/path/to/model.gguf gives it another model";
  return {
    url: server.url,
    description: `llama-server with ${model ?? `a little model that tells stories; ${other}`}`,
    async stop() {
      await server.stop();
    },
  };
}

async function startEngine(): Promise<Upstream> {
  const engine = serveEngine(loadEngine(await readStoryModel()));
  return {
    url: engine.url,
    description: `no llama-server found (PATH, LLAMA_SERVER_BIN), so modeld's own engine runs a little model that tells
stories. ${howToGetOne()}`,
    stop: () => engine.stop(),
  };
}

/** How to get a llama-server on a system, and how to give it a model. */
export function howToGetOne(system: typeof Deno.build.os = Deno.build.os): string {
  const ways = {
    darwin: "`brew install llama.cpp`",
    windows: "`winget install llama.cpp`",
    linux: "`apt install llama.cpp` (Debian 13, Ubuntu 25.10 or later) or `brew install llama.cpp`",
  };
  const way = Object.hasOwn(ways, system) ? `${ways[system as keyof typeof ways]}, or a` : "A";
  return `To get llama-server: ${way} release from https://github.com/ggml-org/llama.cpp/releases.
A model of your own: \`llama-server -hf ggml-org/gemma-3-1b-it-GGUF --port 8081\` downloads and serves one;
then start dev with LLAMA_URL=http://127.0.0.1:8081.`;
}
