import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import type { InferenceAdapter } from "../llama/adapter.ts";
import { createManager } from "../manager/create_manager.ts";
import type { LifecycleEvent } from "../upstream/lifecycle.ts";
import type { Manager } from "../dispatch/manager.ts";

/** The manager of the configured models; without an adapter it refuses every inference. */
export function makeManager(
  { settings }: Configuration,
  adapter: InferenceAdapter | undefined,
  onEvent: (event: LifecycleEvent) => void,
): Manager {
  return createManager({
    ...(adapter === undefined ? {} : { adapter }),
    ...(settings.llamaUrl === undefined ? {} : { serverUrl: settings.llamaUrl }),
    ...(settings.defaultModel === undefined ? {} : { defaultModel: settings.defaultModel }),
    modelsDir: settings.modelsDir,
    vramBudgetMb: settings.vramBudgetMb,
    vramMarginMb: settings.vramMarginMb,
    maxQueueDepth: settings.maxQueueDepth,
    maxWait: settings.maxWait,
    maxInflight: settings.maxInflight,
    idleUnload: settings.idleUnload,
    drainTimeout: settings.drainTimeout,
    clock: systemClock,
    random: Math.random,
    ...(settings.events ? { onEvent } : {}),
  });
}
