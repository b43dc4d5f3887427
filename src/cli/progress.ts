import type { Waiting } from "../upstream/preflight.ts";

const encoder = new TextEncoder();
const isTerminal = Deno.stderr.isTerminal();
const longestLine = 79;

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
