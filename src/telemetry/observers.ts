import type { InferenceObserver } from "./inference_observer.ts";

/** Tells each of the observers, in order. */
export function allObservers(...observers: readonly InferenceObserver[]): InferenceObserver {
  return {
    started(timeline) {
      for (const observer of observers) observer.started(timeline);
    },
    ended(timeline, result) {
      for (const observer of observers) observer.ended(timeline, result);
    },
  };
}
