import { Daemon, type DaemonOptions } from "../support/daemon.ts";

/** What a run of modeld that ends by itself left behind. */
export interface Outcome {
  readonly code: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** Runs modeld with these arguments to its end. */
export async function runModeld(args: readonly string[], env: DaemonOptions["env"] = {}): Promise<Outcome> {
  const process = Daemon.spawn({ args, env });
  const { code } = await process.exited;
  return { code, stdout: process.stdoutLines, stderr: process.stderrLines };
}
