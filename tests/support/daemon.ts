import { ApiSchemas } from "./api_schemas.ts";
import { type Exit, SpawnedProcess } from "./spawned_process.ts";

const schemas = new ApiSchemas();

/** What a daemon is started with, beyond `--addr 127.0.0.1:0`. */
export interface DaemonOptions {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Flags of `deno run` itself, such as V8's; for a daemon from source. */
  readonly denoFlags?: readonly string[];
  /** A program that sets something up and then becomes modeld, such as `prlimit` with its arguments. */
  readonly through?: readonly string[];
}

/** modeld as a process of its own: from source, or the executable that `MODELD_BIN` names. */
export class Daemon {
  readonly process: SpawnedProcess;
  /** Where it listens. */
  readonly url: URL;

  private constructor(process: SpawnedProcess, url: URL) {
    this.process = process;
    this.url = url;
  }

  /**
   * Starts it on a free port and waits until it listens.
   *
   * @throws Error with its output when it does not come to that.
   */
  static async start(options: DaemonOptions = {}): Promise<Daemon> {
    const process = Daemon.spawn({ ...options, args: ["--addr", "127.0.0.1:0", ...options.args ?? []] });
    const [, address] = await process.line(
      /(?:"(?:listening|ready)".*?|\b(?:listening|ready) on \S*?)(127\.0\.0\.1:\d+)/,
    );
    return new Daemon(process, new URL(`http://${address}`));
  }

  /** Starts it with exactly these arguments and waits for nothing: for subcommands and for starts that fail. */
  static spawn(options: DaemonOptions = {}): SpawnedProcess {
    const [program, ...args] = Daemon.command(options.args ?? []);
    if (options.denoFlags !== undefined) args.splice(args.indexOf("run") + 1, 0, ...options.denoFlags);
    const [wrapper, ...before] = options.through ?? [];
    if (wrapper === undefined) return new SpawnedProcess(program, args, options.env);
    return new SpawnedProcess(wrapper, [...before, program, ...args], options.env);
  }

  /** The command line that runs it with these arguments. */
  static command(args: readonly string[]): [string, ...string[]] {
    const executable = Deno.env.get("MODELD_BIN");
    if (executable !== undefined) return [executable, ...args];
    const main = new URL("../../main.ts", import.meta.url).pathname;
    return [Deno.execPath(), ...runFromSource(), main, ...args];
  }

  /**
   * Resolves when `/readyz` is 200.
   *
   * @throws Error with its output after 20 s.
   */
  async ready(): Promise<this> {
    const deadline = performance.now() + 20_000;
    while ((await this.get("/readyz")).status !== 200) {
      if (performance.now() > deadline) {
        throw new Error(`modeld does not become ready:\n${this.process.lines.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this;
  }

  /** Everything it wrote to stderr so far. */
  get stderr(): string {
    return this.process.stderrLines.join("\n");
  }

  /** GET of one of its routes, as text; on a connection of its own, so that none stays open. */
  async get(path: string): Promise<{ status: number; headers: Headers; text: string }> {
    using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const response = await fetch(new URL(path, this.url), { client });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** GET of one of its routes, as JSON that is held against the API description. */
  // deno-lint-ignore no-explicit-any -- the caller asserts on what it picks out of it
  async json(path: string): Promise<any> {
    const body = JSON.parse((await this.get(path)).text);
    schemas.assertReply(path, body);
    return body;
  }

  /** Ends it and waits for that. */
  stop(signal: Deno.Signal = "SIGTERM"): Promise<Exit> {
    return this.process.stop(signal);
  }
}

/** The flags of `deno run` with which this test run's own standard library and modeld's own permissions hold. */
export function runFromSource(): readonly string[] {
  const standIns = new URL("../../tools/std/import_map.json", import.meta.url).pathname;
  const local = import.meta.resolve("@std/assert").startsWith("file:");
  return [
    "run",
    "-q",
    "--no-prompt",
    "-P=modeld",
    "--unstable-no-legacy-abort",
    ...(local ? [`--import-map=${standIns}`] : []),
  ];
}
