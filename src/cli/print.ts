import type { Waiting } from "../upstream/preflight.ts";

const encoder = new TextEncoder();
const isTerminal = Deno.stderr.isTerminal();
const longestLine = 79;

/** Writes to stdout; returns the exit code of success. */
export function print(text: string): number {
  writeAll(Deno.stdout, text);
  return 0;
}

/** Writes one line to stderr, as a program that cannot start does. */
export function printProblem(text: string): void {
  writeAll(Deno.stderr, `modeld: ${text}\n`);
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
  } catch (error) {
    // Whoever reads has seen enough, as `modeld --help | head` does.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Shows on one line of a terminal what the preflight is waiting for; without a terminal it shows nothing. */
export function showProgress({ detail, elapsed, wait }: Waiting): void {
  const seconds = (ms: number) => Math.round(ms / 1000);
  const line = `waiting for llama-server, ${seconds(elapsed)} of ${seconds(wait)} s: ${detail}`;
  writeLine(line.slice(0, longestLine));
}

/** Clears that line, so that others can be written. */
export function clearProgress(): void {
  writeLine("");
}

function writeLine(text: string): void {
  // The cursor stays at the beginning, so that a line of the log overwrites it.
  if (isTerminal) Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}\r`));
}
