const encoder = new TextEncoder();

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
