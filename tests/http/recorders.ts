import type { HttpMetrics } from "../../src/telemetry/http_metrics.ts";
import type { InferenceObserver, InferenceResult } from "../../src/telemetry/inference_observer.ts";
import type { Timeline } from "../../src/base/timeline.ts";

/** One HTTP request, as metrics saw it end. */
export interface EndedRequest {
  readonly path: string;
  readonly method: string;
  readonly status: number;
  readonly ms: number;
}

/** Writes down what HTTP metrics are told. */
export class RecordingMetrics implements HttpMetrics {
  readonly endedRequests: EndedRequest[] = [];
  readonly overloads: string[] = [];
  inflight = 0;
  #changed: (() => void) | undefined;

  began(): void {
    this.inflight++;
  }

  ended(path: string, method: string, status: number, ms: number): void {
    this.inflight--;
    this.endedRequests.push({ path, method, status, ms });
    this.#changed?.();
  }

  overloaded(path: string): void {
    this.overloads.push(path);
  }

  /** Resolves when no request is in flight. */
  async idle(): Promise<void> {
    while (this.inflight > 0) await new Promise<void>((resolve) => this.#changed = resolve);
  }
}

/** Writes down how inferences ended. */
export class RecordingObserver implements InferenceObserver {
  readonly timelines: Timeline[] = [];
  readonly results: InferenceResult[] = [];
  running = 0;
  #changed: (() => void) | undefined;

  started(timeline: Timeline): void {
    this.running++;
    this.timelines.push(timeline);
  }

  ended(_timeline: Timeline, result: InferenceResult): void {
    this.running--;
    this.results.push(result);
    this.#changed?.();
  }

  /** Resolves with the outcomes so far when there are that many. */
  async outcomes(count = 1): Promise<string[]> {
    while (this.results.length < count) await new Promise<void>((resolve) => this.#changed = resolve);
    return this.results.map(({ outcome }) => outcome);
  }
}
