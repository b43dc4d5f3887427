import type { Target } from "./load.ts";
import { nginxCommand } from "./nginx.ts";
import { ServerProcess } from "./server_process.ts";
import { freePort } from "../tests/support/ports.ts";

/** Something that stands between client and upstream. */
export interface Contender {
  readonly name: string;
  readonly path: string;
  /** Missing: nothing stands between them. */
  command?(port: number, upstreamPort: number): Promise<readonly string[]>;
}

/** A contender that takes load. */
export interface Running {
  readonly target: Target;
  /** Missing for the bare upstream. */
  readonly process?: ServerProcess;
}

/** The bare upstream: what the harness itself costs. */
export const direct: Contender = { name: "direct", path: "/v1/completions" };

/** A plain proxy in C; `folder` takes its files. */
export function nginx(folder: string): Contender {
  return { name: "nginx", path: "/v1/completions", command: (port, upstream) => nginxCommand(folder, port, upstream) };
}

/** A proxy that is a script with two arguments: its port and upstream's. */
export function script(name: string, command: readonly string[]): Contender {
  return {
    name,
    path: "/v1/completions",
    command: (port, upstreamPort) => Promise.resolve([...command, String(port), String(upstreamPort)]),
  };
}

/** modeld on one of its APIs, by the command that starts it. */
export function modeld(name: string, path: ModeldPath, command: readonly string[]): Contender {
  return {
    name,
    path,
    command: (port, upstreamPort) =>
      Promise.resolve([
        ...command,
        `--addr=127.0.0.1:${port}`,
        `--llama-url=http://127.0.0.1:${upstreamPort}`,
        "--preflight=off",
        "--llama-timeout=0",
        "--max-inflight=2000",
        "--max-queue-depth=2000",
        "--max-body-bytes=4194304",
      ]),
  };
}

/** The APIs that are measured. */
export type ModeldPath = "/infer" | "/v1/completions";

/** Starts it, lets `use` measure it, and stops it, whatever happens. */
export async function withContender(
  contender: Contender,
  upstreamPort: number,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  if (contender.command === undefined) {
    return await use({ target: { port: upstreamPort, path: contender.path, reuse: false } });
  }
  const port = freePort();
  const command = await contender.command(port, upstreamPort);
  // Deno keeps one cache of compiled code, which a start of another version empties: this start fills it again.
  await (await ServerProcess.start(command, port)).stop();
  const process = await ServerProcess.start(command, port);
  try {
    await use({ target: { port, path: contender.path, reuse: true }, process });
  } finally {
    await process.stop();
  }
}
