import { ModeldError } from "../errors.ts";
import type { Readiness } from "./manager.ts";
import { isRouter, type ManagerState } from "./state/manager_state.ts";
import { route } from "./state/route.ts";

/** Whether a request for the default model would be served. */
export function readinessOf(state: ManagerState): Readiness {
  if (state.lifecycle === "draining" || state.lifecycle === "closed") return "draining";
  if (state.server.is === "lost") return "unreachable";
  if (state.lifecycle === "starting" || state.server.is === "unknown") return "loading";

  const found = route(state, undefined);
  if (found instanceof ModeldError) {
    // Without a default model every request names its own.
    return state.limits.defaultModel === undefined && state.instances.size > 0 ? "ready" : "not configured";
  }
  switch (found.instance.state) {
    case "ready":
      return "ready";
    case "error":
      return "loading";
    default:
      return isRouter(state) ? "ready" : "loading";
  }
}
