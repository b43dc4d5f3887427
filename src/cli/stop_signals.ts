/** Signals that ask for an end, with the exit codes that shells give them. Windows knows no SIGTERM. */
const exitCodes: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130], ["SIGBREAK", 149]]
  : [["SIGINT", 130], ["SIGTERM", 143]];

/** The wish of the operator that modeld stops. */
export interface StopSignals {
  /** Aborted by the first signal. The second ends the process at once. */
  readonly signal: AbortSignal;
  /** Resolves with the first signal. */
  readonly asked: Promise<void>;
  /** Does what the first signal would. */
  ask(): void;
  /** Stops listening for signals. */
  close(): void;
}

/** Listens for the signals that ask for an end. */
export function watchStopSignals(): StopSignals {
  const controller = new AbortController();
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const ask = () => {
    controller.abort();
    resolve();
  };
  const handlers = exitCodes.map(([name, code]) => {
    const handler = () => {
      if (controller.signal.aborted) Deno.exit(code);
      ask();
    };
    Deno.addSignalListener(name, handler);
    return [name, handler] as const;
  });
  return {
    signal: controller.signal,
    asked,
    ask,
    close: () => handlers.forEach(([name, handler]) => Deno.removeSignalListener(name, handler)),
  };
}
