import { fileURLToPath } from "node:url";
import { runFromSource } from "../../tests/support/daemon.ts";

/** A modeld that starts anew whenever one of its files changes. */
export class WatchedModeld {
  readonly #url: string;
  readonly #child: Deno.ChildProcess;
  #stopped = false;

  /** Starts it with these arguments; `url` is where it will listen. */
  constructor(url: string, args: readonly string[]) {
    this.#url = url;
    const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [...runFromSource(), "--watch", "--no-clear-screen", main, ...args],
      stdin: "null",
    }).spawn();
  }

  /** Resolves when `/readyz` says so, or with `false` when it was stopped first. Tells what it is waiting for. */
  async ready(tell: (state: string) => void): Promise<boolean> {
    let last = "";
    while (!this.#stopped) {
      const state = await this.#readiness();
      if (state === "ready") return true;
      if (state !== undefined && state !== last) tell(last = state);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return false;
  }

  /** Resolves when it has ended, which it does not by itself: after a crash it waits for the next change. */
  async ended(): Promise<void> {
    await this.#child.status;
  }

  /** Ends it at once: a deno that watches outlives modeld's own answer to SIGTERM. */
  async stop(): Promise<void> {
    this.#stopped = true;
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
  }

  async #readiness(): Promise<string | undefined> {
    try {
      const response = await fetch(`${this.#url}/readyz`);
      return (await response.text()).trim();
    } catch (error) {
      // Not listening yet, or just now starting anew.
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }
}
