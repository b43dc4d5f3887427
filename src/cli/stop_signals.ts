/** Signals that ask for an end, with the exit codes that shells give them. Windows knows no SIGTERM. */
const exitCodes: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130], ["SIGBREAK", 149]]
  : [["SIGINT", 130], ["SIGTERM", 143]];

/** From now on the first signal that asks for an end aborts `stop`; one that comes after that ends the process at once. */
export function watchStopSignals(stop: AbortController): void {
  for (const [name, code] of exitCodes) {
    Deno.addSignalListener(name, () => {
      if (stop.signal.aborted) Deno.exit(code);
      stop.abort();
    });
  }
}
