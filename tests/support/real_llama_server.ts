import { freePort } from "./ports.ts";
import { type Exit, SpawnedProcess } from "./spawned_process.ts";

/**
 * The llama-server to test against: `LLAMA_SERVER_BIN`, else what `e2e/llama-server.sh` installed, else the one on PATH.
 *
 * @throws Error that says how to get one.
 */
export function findLlamaServer(): string {
  const named = Deno.env.get("LLAMA_SERVER_BIN");
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
  const isWindows = Deno.build.os === "windows";
  const program = isWindows ? "llama-server.exe" : "llama-server";
  const folders = (Deno.env.get("PATH") ?? "").split(isWindows ? ";" : ":");
  const candidates = named !== undefined
    ? [named]
    : [`${cache}/modeld-tools/llama-server/llama-server`, ...folders.map((folder) => `${folder}/${program}`)];
  const found = candidates.find(isFile);
  if (found !== undefined) return found;
  throw new Error(
    named === undefined
      ? "no llama-server: put one on PATH, name one in LLAMA_SERVER_BIN, or run e2e/llama-server.sh (Debian, Ubuntu)"
      : `LLAMA_SERVER_BIN names ${named}, which is no file`,
  );
}

/** A real llama-server as a process. */
export class RealLlamaServer {
  readonly url: URL;
  readonly process: SpawnedProcess;

  private constructor(url: URL, process: SpawnedProcess) {
    this.url = url;
    this.process = process;
  }

  /**
   * Starts it with these arguments and waits until `/health` says that it can serve.
   *
   * @throws Error with its output when it does not come to that.
   */
  static async start(
    args: readonly string[],
    { readyMs, ...options }: { port?: number; readyMs?: number } = {},
  ): Promise<RealLlamaServer> {
    const server = RealLlamaServer.launch(args, options);
    await server.ready(readyMs);
    return server;
  }

  /** Starts it and waits for nothing. */
  static launch(args: readonly string[], options: { port?: number } = {}): RealLlamaServer {
    const port = options.port ?? freePort();
    const address = ["--host", "127.0.0.1", "--port", String(port)];
    const process = new SpawnedProcess(findLlamaServer(), [...args, ...address, "--no-ui"]);
    return new RealLlamaServer(new URL(`http://127.0.0.1:${port}`), process);
  }

  /**
   * Resolves when `/health` is 200.
   *
   * @throws Error with the output when the process ends, or after `timeout` ms.
   */
  async ready(timeout = 20_000): Promise<void> {
    const deadline = performance.now() + timeout;
    while (!await this.#healthy()) {
      if (this.process.exit !== undefined || performance.now() > deadline) {
        throw new Error(`llama-server does not become ready:\n${this.process.lines.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** How many generations it has logged so far; needs `-lv 4`. */
  get loggedGenerations(): number {
    return this.process.lines.filter((line) => line.includes("processing task, is_child = 0")).length;
  }

  /** How many slots are generating now. */
  async busySlots(): Promise<number> {
    const response = await fetch(new URL("/slots", this.url));
    const slots: { is_processing: boolean }[] = await response.json();
    return slots.filter((slot) => slot.is_processing).length;
  }

  /** Ends it and waits for that. */
  stop(signal: Deno.Signal = "SIGTERM"): Promise<Exit> {
    return this.process.stop(signal);
  }

  async #healthy(): Promise<boolean> {
    try {
      const response = await fetch(new URL("/health", this.url));
      await response.body?.cancel();
      return response.ok;
    } catch (error) {
      // Not listening yet.
      if (error instanceof TypeError) return false;
      throw error;
    }
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
