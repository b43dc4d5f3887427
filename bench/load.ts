/** What to ask for. Times in µs where the name says so. */
export interface Load {
  /** Requests in all; as many as streams where it is missing. */
  readonly requests?: number;
  /** Requests at once; 1 where it is missing. */
  readonly streams?: number;
  /** Tokens a reply; 1 where it is missing. */
  readonly tokens?: number;
  /** Mean time between two tokens of a stream; 0: as fast as they are taken. */
  readonly interval_us?: number;
  readonly prompt_bytes?: number;
  /** Time between the first arrivals; 0: all at once. */
  readonly ramp_us?: number;
}

/** How long things took, in µs. The percentiles are missing where nothing was counted. */
export interface Durations {
  readonly count: number;
  readonly p50?: number;
  readonly p90?: number;
  readonly p99?: number;
  readonly max?: number;
}

/** What the load generator saw. */
export interface LoadReport {
  readonly finished: number;
  readonly failed: number;
  readonly tokens: number;
  readonly elapsed_ms: number;
  /** From asking (connecting included) to the first token. */
  readonly first_token_us: Durations;
  /** From the upstream's sending to the client's receiving, of every token but a reply's first. */
  readonly token_us: Durations;
  /** From asking to the end of the reply. */
  readonly request_us: Durations;
  readonly first_failure: string;
}

/** Where the load goes. */
export interface Target {
  readonly port: number;
  readonly path: string;
  /** Whether connections are used again; off for the bare upstream, which closes them as llama-server does. */
  readonly reuse: boolean;
}

/** Puts loads on targets, by the helper program. */
export class LoadGenerator {
  readonly #command: readonly string[];

  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** @throws Error when a request fails: a number that hides failures is worth nothing. */
  async run(target: Target, load: Load): Promise<LoadReport> {
    const { stdout } = await this.#helper(target, load).output();
    return check(target, load, JSON.parse(new TextDecoder().decode(stdout)));
  }

  /** Opens the streams, calls `look` when every one has its first token and is silent, and closes them. */
  async hold(target: Target, streams: number, look: () => void): Promise<void> {
    const load = { streams, tokens: 2, interval_us: 3_600_000_000, ramp_us: 1_000 };
    const child = this.#helper(target, load, "hold=1").spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value = "" } = await reader.read();
    look();
    await child.stdin.close();
    await reader.cancel();
    await child.status;
    check(target, load, JSON.parse(value));
  }

  #helper(target: Target, load: Load, ...more: string[]): Deno.Command {
    const [program = "", ...args] = this.#command;
    const settings = Object.entries({ ...target, ...load, reuse: Number(target.reuse) });
    return new Deno.Command(program, {
      args: [...args, ...settings.map(([name, value]) => `${name}=${value}`), ...more],
      stdin: more.length > 0 ? "piped" : "null",
      stdout: "piped",
      stderr: "inherit",
    });
  }
}

function check(target: Target, load: Load, report: LoadReport): LoadReport {
  if (report.failed === 0) return report;
  throw new Error(
    `${report.failed} requests failed at ${target.path} under ${JSON.stringify(load)}: ${report.first_failure}`,
  );
}
