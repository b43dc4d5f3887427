import { Daemon } from "../../tests/support/daemon.ts";
import { FakeLlamaHttpServer } from "../../tests/support/fake_llama_http_server.ts";
import { RealLlamaServer } from "../../tests/support/real_llama_server.ts";
import { modelFolder, testModel } from "./test_model.ts";

/** One thread: the model is tiny, and several spin against each other on a small machine. */
const LLAMA_ARGS = ["-t", "1", "-lv", "4"];

/** A real llama-server and a modeld in front of it. */
export interface Stack {
  readonly llama: RealLlamaServer;
  readonly modeld: Daemon;
  /** The arguments llama-server was started with, to start it again. */
  readonly llamaArgs: readonly string[];
}

/** What a stack is started with, beyond the model and the addresses. */
export interface StackOptions {
  readonly llama?: readonly string[];
  readonly modeld?: readonly string[];
  /** A router's models: how many blocks each has. */
  readonly blocks?: number;
}

/** Runs a test against a single-model llama-server with two slots of 16,384 tokens each. */
export async function withStack(options: StackOptions, run: (stack: Stack) => Promise<void>): Promise<void> {
  const model = await testModel();
  const args = [...LLAMA_ARGS, "-m", model.path, "-c", "32768", "-np", "2", ...options.llama ?? []];
  await runStack(args, options.modeld ?? [], run, model.remove);
}

/** Runs a test against llama-server as a router over tiny models of these names, nothing loaded yet. */
export async function withRouter(
  names: readonly string[],
  options: StackOptions,
  run: (stack: Stack) => Promise<void>,
): Promise<void> {
  const folder = await modelFolder(names, options.blocks);
  const args = [...LLAMA_ARGS, "--models-dir", folder.path, "-c", "32768", "-np", "2", ...options.llama ?? []];
  await runStack(args, ["--models-dir", folder.path, ...options.modeld ?? []], run, folder.remove);
}

/** Runs a test against a fake llama-server, which the test makes do what a real one does seldom. */
export async function withFakeLlama(
  options: { readonly slots?: number; readonly modeld?: readonly string[] },
  run: (stack: { readonly llama: FakeLlamaHttpServer; readonly modeld: Daemon }) => Promise<void>,
): Promise<void> {
  const llama = await FakeLlamaHttpServer.start({ slots: options.slots ?? 4 });
  try {
    const args = ["--llama-url", llama.url.href, "--preflight=off", ...options.modeld ?? []];
    const modeld = await Daemon.start({ args });
    try {
      await modeld.ready();
      await run({ llama, modeld });
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    await llama.close();
  }
}

async function runStack(
  llamaArgs: readonly string[],
  modeldArgs: readonly string[],
  run: (stack: Stack) => Promise<void>,
  remove: () => Promise<void>,
): Promise<void> {
  try {
    const llama = await RealLlamaServer.start(llamaArgs);
    try {
      const modeld = await Daemon.start({ args: ["--llama-url", llama.url.href, ...modeldArgs] });
      try {
        await modeld.ready();
        await run({ llama, modeld, llamaArgs });
      } finally {
        await modeld.stop("SIGKILL");
      }
    } finally {
      await llama.stop();
    }
  } finally {
    await remove();
  }
}
