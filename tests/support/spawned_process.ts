import { TextLineStream } from "@std/streams/text-line-stream";

/** How a process ended. */
export interface Exit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
}

/** A process of a test's own: its output is kept, and it is ended by its id. */
export class SpawnedProcess {
  /** Lines of stdout and stderr so far, in the order in which they came. */
  readonly lines: string[] = [];
  readonly stdoutLines: string[] = [];
  readonly stderrLines: string[] = [];
  /** Resolves when the process has ended and all its output has been read. */
  readonly exited: Promise<Exit>;
  readonly #child: Deno.ChildProcess;
  readonly #watchers = new Set<(line: string) => void>();
  #exit: Exit | undefined;

  constructor(program: string, args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      env: { ...inherited(), ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.exited = this.#run();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Set once the process has ended. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /**
   * Resolves with the first line, past or future, that matches.
   *
   * @throws Error with the output when the process ends first, or after `timeout` ms.
   */
  async line(pattern: RegExp, timeout = 20_000): Promise<RegExpMatchArray> {
    for (const line of this.lines) {
      const match = line.match(pattern);
      if (match !== null) return match;
    }
    const found = Promise.withResolvers<RegExpMatchArray>();
    const watcher = (line: string) => {
      const match = line.match(pattern);
      if (match !== null) found.resolve(match);
    };
    const fail = (what: string) => found.reject(new Error(`${what} before ${pattern}:\n${this.lines.join("\n")}`));
    const timer = setTimeout(() => fail(`${timeout} ms passed`), timeout);
    this.#watchers.add(watcher);
    this.exited.then(() => fail("the process ended"));
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    }
  }

  /** Sends a signal; does nothing once the process has ended. */
  signal(signal: Deno.Signal): void {
    if (this.#exit === undefined) this.#child.kill(signal);
  }

  /**
   * Sends a signal and waits for the end. What lives on for 20 s is killed, as its exit then says: llama-server's own signal
   * handler was seen to wait for ever for a lock.
   */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Exit> {
    this.signal(signal);
    const kill = setTimeout(() => this.signal("SIGKILL"), 20_000);
    try {
      return await this.exited;
    } finally {
      clearTimeout(kill);
    }
  }

  async #run(): Promise<Exit> {
    const [status] = await Promise.all([
      this.#child.status,
      this.#collect(this.#child.stdout, this.stdoutLines),
      this.#collect(this.#child.stderr, this.stderrLines),
    ]);
    this.#exit = { code: status.code, signal: status.signal };
    return this.#exit;
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, own: string[]): Promise<void> {
    for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      own.push(line);
      this.lines.push(line);
      for (const watcher of this.#watchers) watcher(line);
    }
  }
}

/** What a child needs of this process's environment; the rest (proxies, settings of modeld) stays out. */
function inherited(): Record<string, string> {
  const kept: Record<string, string> = { NO_COLOR: "1" };
  for (const name of ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
