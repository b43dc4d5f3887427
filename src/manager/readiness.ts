import { ModeldError } from "../base/errors.ts";
import type { Readiness } from "./manager.ts";
import { isRouter, listedInstances, type ManagerState } from "./state/manager_state.ts";
import { route } from "./state/route.ts";

/** Whether a request for the default model would be served. */
export function readinessOf(state: ManagerState, now: number): Readiness {
  if (state.lifecycle === "draining" || state.lifecycle === "closed") return "draining";
  if (state.server.is === "lost") return "unreachable";
  if (state.lifecycle === "starting" || state.server.is === "unknown") return "loading";

  const found = route(state, undefined);
  if (found instanceof ModeldError) {
    // Without a default model every request names its own.
    return state.limits.defaultModel === undefined && listedInstances(state).length > 0 ? "ready" : "not configured";
  }
  switch (found.instance.state) {
    case "ready":
      return "ready";
    case "error":
      // Said to be ready as soon as it may be tried again: only a request makes it try.
      return isRouter(state) && found.instance.mayRetry(now) ? "ready" : "loading";
    default:
      return isRouter(state) ? "ready" : "loading";
  }
}
