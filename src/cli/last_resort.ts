import { getLogger } from "../telemetry/log.ts";

const log = getLogger("bug");

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
