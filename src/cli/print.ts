import type { Waiting } from "../upstream/preflight.ts";

const encoder = new TextEncoder();
const longestLine = 79;

/** Writes to stdout; returns the exit code of success. */
export function print(text: string): number {
  tryPrint(text);
  return 0;
}

/** Writes to stdout; returns whether anybody still reads there. */
export function tryPrint(text: string): boolean {
  return writeAll(Deno.stdout, text);
}

/** Writes one line to stderr, as a program that cannot start does. */
export function printProblem(text: string): void {
  writeAll(Deno.stderr, `modeld: ${onOneLine(text)}\n`);
}

/** The text with a space in place of each character that could steer a terminal or begin a line: others have written it. */
export function onOneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): boolean {
  const bytes = encoder.encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
    return true;
  } catch (error) {
    // Whoever reads has seen enough, as `modeld --help | head` does.
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** Whether a person may be looking at stderr. */
export const isWatched = Deno.stderr.isTerminal();

/** Shows on one line of a terminal what the preflight is waiting for; without a terminal it shows nothing. */
export function showWaiting({ detail, elapsed, wait }: Waiting): void {
  const seconds = (ms: number) => Math.round(ms / 1000);
  showProgress(`waiting for llama-server, ${seconds(elapsed)} of ${seconds(wait)} s: ${detail}`);
}

/** Shows one line of a terminal that changes, in place of the one before; an empty one clears it. */
export function showProgress(text: string): void {
  // The cursor stays at the beginning, so that a line of the log overwrites it.
  if (isWatched) Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${onOneLine(text).slice(0, longestLine)}\r`));
}

/** Clears that line, so that others can be written. */
export function clearProgress(): void {
  showProgress("");
}

/** The text in a colour of terminals (an SGR parameter). */
export function paint(text: string, color: number): string {
  return `\x1b[${color}m${text}\x1b[0m`;
}

/** Writes text to stderr, for people. */
export function printNotice(text: string): void {
  writeAll(Deno.stderr, text);
}
