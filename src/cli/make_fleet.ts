import { systemClock } from "../base/clock.ts";
import type { Settings } from "../config/settings_table.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Terms } from "../dispatch/state.ts";
import type { LifecycleEvent } from "../upstream/lifecycle.ts";

/** The fleet, without servers: it refuses every inference until some are added. */
export function makeFleet(
  settings: Pick<Settings, "modelsDir" | "events">,
  terms: () => Terms,
  onEvent: (event: LifecycleEvent) => void,
): Dispatcher {
  return new Dispatcher({
    servers: [],
    terms,
    modelsDir: settings.modelsDir,
    clock: systemClock,
    random: Math.random,
    onEvent: settings.events ? onEvent : undefined,
  });
}
