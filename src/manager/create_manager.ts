import type { Manager } from "./manager.ts";
import type { ManagerOptions } from "./manager_options.ts";
import { ServerManager } from "./server_manager.ts";
import { UnconfiguredManager } from "./unconfigured_manager.ts";

/** Makes the manager. It asks nothing of llama-server before `start`. */
export function createManager(options: ManagerOptions): Manager {
  const { adapter } = options;
  return adapter === undefined ? new UnconfiguredManager(options) : new ServerManager({ ...options, adapter });
}
