import type { Clock } from "../base/clock.ts";
import type { Instance } from "./state/instance.ts";
import { usedMb } from "./state/budget.ts";
import { freeSlots, type ManagerState, queueDepth, slotsOf } from "./state/manager_state.ts";
import { readinessOf } from "./readiness.ts";
import type { InstanceState, InstanceStatus, ServerStatus, Status } from "./status.ts";

/** What `GET /status` answers, made from the state at this moment. */
export function buildStatus(
  state: ManagerState,
  clock: Clock,
  startedAt: number,
  serverUrl: string | undefined,
): Status {
  const now = clock.now();
  const instances = [...state.instances.values()];
  const overall = overallState(state, now);
  const error = overall === "error" ? whyNot(state) : undefined;
  /** The moment of the clock as Unix seconds. */
  const unix = (at: number): number => Math.floor((clock.wallTime() - (now - at)) / 1_000);
  return {
    instances: instances.map((instance) => instanceStatus(state, instance, unix)),
    budget_mb: state.limits.vramBudgetMb,
    used_est_mb: usedMb(instances),
    margin_mb: state.limits.vramMarginMb,
    state: overall,
    uptime_seconds: Math.floor((now - startedAt) / 1_000),
    server_time_unix: unix(now),
    evictions_total: state.evictions,
    loads_total: state.loads,
    warmups_in_progress: count(instances, "loading"),
    draining_count: count(instances, "draining"),
    ...(error !== undefined && { error }),
    ...(state.lastError !== undefined && { last_error: state.lastError }),
    ...(serverUrl !== undefined && { server: serverStatus(state, serverUrl, unix) }),
  };
}

function instanceStatus(state: ManagerState, instance: Instance, unix: (at: number) => number): InstanceStatus {
  const { lastUsedAt, loadedAt, reason } = instance;
  const slots = slotsOf(state, instance);
  return {
    model_id: instance.id,
    state: instance.state,
    last_used_unix: lastUsedAt === undefined ? 0 : unix(lastUsedAt),
    est_vram_mb: instance.estimate.mb,
    est_source: instance.estimate.source,
    queue_len: queueDepth(state, instance),
    inflight: instance.running + Math.min(instance.waiting.length, freeSlots(state, instance)),
    max_queue_depth: state.limits.maxQueueDepth,
    slots,
    queue_wait_ms_p50: Math.round(instance.times.waitMedian),
    ...(loadedAt !== undefined && { loaded_since_unix: unix(loadedAt) }),
    ...(reason !== undefined && { reason }),
  };
}

function serverStatus(state: ManagerState, url: string, unix: (at: number) => number): ServerStatus {
  const { server, lastSeenAt } = state;
  const description = server.is === "found" ? server.description : undefined;
  return {
    url,
    reachable: server.is === "found" || (server.is === "unknown" && server.reached),
    ...(description !== undefined && { kind: description.kind }),
    ...(description?.build !== undefined && { build: description.build }),
    ...(lastSeenAt !== undefined && { last_seen_unix: unix(lastSeenAt) }),
  };
}

function overallState(state: ManagerState, now: number): InstanceState {
  switch (readinessOf(state, now)) {
    case "ready":
      return "ready";
    case "loading":
      return "loading";
    case "draining":
      return "draining";
    case "unreachable":
    case "not configured":
      return "error";
  }
}

function whyNot(state: ManagerState): string {
  return state.server.is === "lost" ? state.server.error.message : "the default model is not on llama-server";
}

function count(instances: readonly Instance[], state: InstanceState): number {
  return instances.filter((instance) => instance.state === state).length;
}
