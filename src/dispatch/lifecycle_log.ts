import { getLogger } from "../telemetry/log.ts";
import type { LifecycleChange } from "../upstream/lifecycle.ts";

const log = getLogger("fleet");

const SENTENCES: Readonly<Record<LifecycleChange["event"], string>> = {
  load_start: "a model is being loaded",
  load_done: "a model has been loaded",
  load_failed: "a model could not be loaded",
  unload: "a model has been unloaded",
  evict: "a model is unloaded to make room for another",
  server_lost: "a llama-server was lost",
  server_found: "a llama-server was found",
};

/**
 * Logs a lifecycle event: the message is a sentence, the event's name stands in `event`.
 *
 * @param wasLost whether that server had been lost before: finding it for the first time is no news
 */
export function logLifecycle(server: string, { event, ...details }: LifecycleChange, wasLost: boolean): void {
  log[severityOf(event, wasLost)](SENTENCES[event], { event, server, ...details });
}

function severityOf(event: LifecycleChange["event"], wasLost: boolean): "warn" | "info" | "debug" {
  if (event === "server_lost" || event === "load_failed") return "warn";
  return event === "server_found" && !wasLost ? "debug" : "info";
}
