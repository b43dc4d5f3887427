import { getLogger } from "../telemetry/log.ts";

const log = getLogger("bug");

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

/** Calls back on each SIGHUP. @returns takes that back */
export function onHangUp(callback: () => void): () => void {
  // Windows knows no SIGHUP that could be sent.
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener("SIGHUP", callback);
  return () => Deno.removeSignalListener("SIGHUP", callback);
}

/**
 * Decides what happens to a failure that nobody has caught, which is a bug of modeld's. Deno would end the process, and
 * with it every other client's stream, so it is logged with its stack instead. A promise that nobody waits for holds
 * nothing that others need (whoever owns a slot or a stream releases it itself), so modeld goes on. An exception out of a
 * timer or listener may have left shared state half changed: then modeld stops gracefully and its exit code says so.
 */
export function installLastResort(stop: () => void): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("unhandled rejection, please report it", { error: event.reason });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error("uncaught exception, please report it; modeld stops", { error: event.error });
    stop();
  });
}

/**
 * Why modeld must not serve on this version of Deno, with the remedy; undefined where it may. From 2.8.3 on Deno panics
 * when a client cancels an HTTP/2 request, whatever modeld answers or leaves out, until 2.9.3 mended it
 * (denoland/deno#36046, #36053; each of these releases was tried).
 */
export function unfitRuntime(version: string): string | undefined {
  const release = ordinal(version);
  if (!(release >= ordinal("2.8.3") && release < ordinal("2.9.3"))) return undefined;
  return `cannot serve on Deno ${version}: there one cancelled HTTP/2 request ends the whole process ` +
    `(Deno 2.8.3 to 2.9.2, denoland/deno#36046). Start modeld with Deno 2.9.6 or later`;
}

/** A number that is greater for a later release; NaN, which is neither before nor after, for a version of another form. */
function ordinal(version: string): number {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch);
}
