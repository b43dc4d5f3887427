import { findLlamaServer } from "../../tests/support/real_llama_server.ts";
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";

/** A command that serves until it is stopped, and how to tell that it does. */
interface ServerCommand {
  readonly pattern: RegExp;
  ready(process: SpawnedProcess): Promise<void>;
}

const serverCommands: readonly ServerCommand[] = [
  { pattern: /^llama-server /, ready: (process) => answers("http://127.0.0.1:8081/health", process) },
  { pattern: /^(\S*\/)?modeld --/, ready: (process) => answers("http://127.0.0.1:8080/readyz", process) },
  { pattern: /^npx \S+ \S+ task start /, ready: (process) => answers("http://127.0.0.1:8080/readyz", process) },
];

/**
 * Somebody who copies commands from a page into terminals: a server gets a terminal of its own and stays, everything else
 * must succeed before the next command is typed.
 */
export class Terminal implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Record<string, string>;
  readonly #servers = new Map<ServerCommand, SpawnedProcess>();

  /** @param folder where commands are typed: a checkout of the project */
  constructor(folder: string, env: Record<string, string>) {
    this.#folder = folder;
    this.#env = { ...env, PATH: `${folder}/.bin:${Deno.env.get("PATH")}` };
  }

  /** Puts `llama-server` where a shell finds it. */
  async installLlamaServer(): Promise<void> {
    await Deno.mkdir(`${this.#folder}/.bin`, { recursive: true });
    await Deno.symlink(findLlamaServer(), `${this.#folder}/.bin/llama-server`);
  }

  /**
   * Runs one command; resolves with what it printed on stdout, with nothing for a server that is ready.
   *
   * @throws Error with its output when it fails, or does not become ready
   */
  async type(command: string): Promise<string> {
    if (/ task dev$/.test(command)) return await this.#develop(command);
    const server = serverCommands.find(({ pattern }) => pattern.test(command));
    const process = this.#spawn(server === undefined ? command : `exec setsid ${command}`);
    if (server !== undefined) {
      await close(this.#servers.get(server));
      this.#servers.set(server, process);
      await server.ready(process);
      return "";
    }
    const { code } = await process.exited;
    if (code !== 0) throw new Error(`exit code ${code}: ${command}\n${process.lines.join("\n")}`);
    return process.stdoutLines.join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [...this.#servers.values()].reverse()) await close(process);
  }

  /** `task dev` prints a curl line; that is typed in the next terminal. */
  async #develop(command: string): Promise<string> {
    const process = this.#spawn(`exec setsid ${command}`);
    try {
      const [line] = await process.line(/curl .*$/, 60_000);
      return await this.type(line);
    } finally {
      await close(process);
    }
  }

  #spawn(command: string): SpawnedProcess {
    return new SpawnedProcess("bash", ["-c", `cd '${this.#folder}' && ${command}`], this.#env);
  }
}

/**
 * Ends every process of the terminal, as closing it does; what lives on for 30 s is killed. Not by SIGINT: a shell that was
 * itself started in the background leaves it ignored.
 */
async function close(process: SpawnedProcess | undefined): Promise<void> {
  if (process === undefined || process.exit !== undefined) return;
  Deno.kill(-process.pid, "SIGTERM");
  const kill = setTimeout(() => Deno.kill(-process.pid, "SIGKILL"), 30_000);
  await process.exited;
  clearTimeout(kill);
}

async function answers(url: string, process: SpawnedProcess): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!await isOk(url)) {
    if (process.exit !== undefined || performance.now() > deadline) {
      throw new Error(`${url} does not answer 200:\n${process.lines.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function isOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    // Not listening yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
