import { fileURLToPath } from "node:url";
import { loadEngine } from "../../src/demo/generation.ts";
import { serveEngine } from "../../src/demo/server.ts";
import { readStoryModel, storyModel, storyModelUrl } from "../../src/demo/story_model.ts";
import { findLlamaServer, RealLlamaServer } from "../../tests/support/real_llama_server.ts";

/** How long a llama-server may take to load the model that `LLAMA_MODEL` names, in ms. */
const longestLoad = 600_000;

/** How to give a llama-server a model from the net. */
const howToGiveModel = `To download and serve a model: \`llama-server -hf ggml-org/gemma-3-1b-it-GGUF --port 8081\`, \
and then dev with --llama-url http://127.0.0.1:8081.`;

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
  const server = RealLlamaServer.launch(
    model === undefined
      ? ["-m", fileURLToPath(storyModelUrl), "-a", storyModel, "-c", "2048", "-np", "4"]
      : ["-m", model],
  );
  await server.ready(longestLoad);
  return {
    url: server.url,
    description: model === undefined
      ? `llama-server with a small model that tells stories. LLAMA_MODEL=/path/to/model.gguf gives it another one.
${howToGiveModel}`
      : `llama-server with ${model}`,
    async stop() {
      await server.stop();
    },
  };
}

async function startEngine(): Promise<Upstream> {
  const engine = serveEngine(loadEngine(await readStoryModel()));
  return {
    url: engine.url,
    description:
      `there is no llama-server on PATH or in LLAMA_SERVER_BIN, so modeld's own engine runs a small model that
tells stories. ${howToGetOne()}`,
    stop: () => engine.stop(),
  };
}

/** How to get a llama-server on a system, and how to give it a model. */
export function howToGetOne(system: typeof Deno.build.os = Deno.build.os): string {
  const ways = {
    darwin: "`brew install llama.cpp`",
    windows: "`winget install llama.cpp`",
    linux: "`brew install llama.cpp`, on Debian testing `apt install llama.cpp`",
  };
  const way = Object.hasOwn(ways, system) ? `${ways[system as keyof typeof ways]}, or a` : "A";
  return `To get llama-server: ${way} release from https://github.com/ggml-org/llama.cpp/releases.
${howToGiveModel}`;
}
