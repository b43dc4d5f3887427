import { testModel } from "../../e2e/support/test_model.ts";
import { findLlamaServer, RealLlamaServer } from "../../tests/support/real_llama_server.ts";
import { StandInLlamaServer } from "../../tests/support/stand_in_llama_server.ts";

/** A llama-server that was started for development. */
export interface Upstream {
  readonly url: URL;
  /** What to tell the developer about it, in one line. */
  readonly description: string;
  stop(): Promise<void>;
}

/**
 * Starts the best llama-server to be had: the real one that `find` finds, with the model that `LLAMA_MODEL` names or a tiny
 * one of random weights; else the stand-in of the tests.
 *
 * @throws Error when `LLAMA_SERVER_BIN` or `LLAMA_MODEL` names something that does not work.
 */
export async function startUpstream(find: () => string = findLlamaServer): Promise<Upstream> {
  return isThere(find) ? await startReal() : await startStandIn();
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

async function startReal(): Promise<Upstream> {
  const model = await testModel();
  try {
    const server = await RealLlamaServer.start(["-m", model.path, "-c", "4096", "-ngl", "0"]);
    const named = Deno.env.has("LLAMA_MODEL");
    return {
      url: server.url,
      description: `llama-server with ${named ? model.path : "a tiny model of random weights: its text is noise"}`,
      async stop() {
        await server.stop();
        await model.remove();
      },
    };
  } catch (error) {
    await model.remove();
    throw error;
  }
}

async function startStandIn(): Promise<Upstream> {
  const standIn = await StandInLlamaServer.start({ tokenDelay: 100 });
  return {
    url: standIn.url,
    description:
      "no llama-server found (PATH, LLAMA_SERVER_BIN): a stand-in gives CANNED answers, nothing is generated",
    stop: () => standIn.close(),
  };
}
