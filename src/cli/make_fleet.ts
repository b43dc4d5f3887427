import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { LifecycleEvent } from "../upstream/lifecycle.ts";

/** The fleet, without servers: it refuses every inference until some are added. */
export function makeFleet({ settings }: Configuration, onEvent: (event: LifecycleEvent) => void): Dispatcher {
  return new Dispatcher({
    servers: [],
    terms: () => settings,
    modelsDir: settings.modelsDir,
    clock: systemClock,
    random: Math.random,
    onEvent: settings.events ? onEvent : undefined,
  });
}
