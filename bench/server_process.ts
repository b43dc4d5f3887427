import { listens } from "../tests/support/ports.ts";

/** Linux counts CPU time in hundredths of a second in /proc/PID/stat. */
const MS_PER_TICK = 10;
const START_DEADLINE_MS = 15_000;

/** Memory of a process in MB (2^20 bytes); NaN where there is no /proc. */
export interface Memory {
  readonly resident: number;
  /** The most it ever was. */
  readonly peak: number;
}

/** A server that listens on a loopback port, and what it costs. Whoever starts it stops it. */
export class ServerProcess {
  readonly #child: Deno.ChildProcess;
  /** From its start to the first connection that it took, in ms. */
  readonly startMs: number;

  private constructor(child: Deno.ChildProcess, startMs: number) {
    this.#child = child;
    this.startMs = startMs;
  }

  /** @throws Error when it does not listen in time. */
  static async start(command: readonly string[], port: number): Promise<ServerProcess> {
    const [program = "", ...args] = command;
    const startedAt = performance.now();
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
    let exited = false;
    child.status.then(() => exited = true);
    while (!(await listens(port))) {
      if (!exited && performance.now() - startedAt < START_DEADLINE_MS) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        continue;
      }
      if (!exited) child.kill("SIGKILL");
      throw new Error(`it does not listen; to see why, run it by hand: ${command.join(" ")}`);
    }
    return new ServerProcess(child, performance.now() - startedAt);
  }

  /** CPU time used so far, in ms, in steps of 10; NaN where there is no /proc. */
  cpuMs(): number {
    const stat = readProc(this.#child.pid, "stat");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  }

  memory(): Memory {
    const status = readProc(this.#child.pid, "status");
    const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
    return { resident: megabytes("VmRSS"), peak: megabytes("VmHWM") };
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

/** Empty where there is no /proc. Through `cat`, because Deno itself reads other processes' files there only with --allow-all. */
function readProc(pid: number, file: string): string {
  const { stdout } = new Deno.Command("cat", { args: [`/proc/${pid}/${file}`], stderr: "null" }).outputSync();
  return new TextDecoder().decode(stdout);
}
