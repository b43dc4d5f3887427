import { STATUS_CODE } from "@std/http/status";
import type { Clock, Timer } from "../../clock.ts";
import { ModeldError } from "../../errors.ts";
import type { Completion } from "../../llama/adapter.ts";
import type { InferenceObserver, InferenceResult } from "../../telemetry/inference_observer.ts";
import type { LogLevel } from "../../telemetry/log_level.ts";
import { Timeline, type TimelineOptions } from "../../telemetry/timeline.ts";
import { validTraceparent } from "../../telemetry/traceparent.ts";
import type { Deadlines } from "../../deadlines.ts";
import { errorTable } from "../error_table.ts";

/** What every inference is started with. */
export interface InferenceOptions {
  readonly clock: Clock;
  readonly observer: InferenceObserver;
  /** From arrival to the last line. */
  readonly inferDeadlines: Deadlines;
}

/**
 * One `POST /infer` from its arrival to its one outcome. Owns the signal that goes down to llama-server, and everything
 * that may abort it: the client, the deadline, the shutdown.
 */
export class Inference {
  readonly timeline: Timeline;
  readonly #abort = new AbortController();
  readonly #client: AbortSignal;
  readonly #observer: InferenceObserver;
  readonly #deadline: Timer;
  readonly #onEnd: (() => void)[] = [];
  #streaming = false;
  #ended = false;

  /** @param logLevel how much of it is logged; missing: as much as the daemon logs */
  constructor(requestId: string, request: Request, options: InferenceOptions, logLevel?: LogLevel) {
    const { clock, observer, inferDeadlines } = options;
    this.timeline = new Timeline(requestId, clock, timelineOptions(request, logLevel));
    this.#client = request.signal;
    this.#observer = observer;
    this.#deadline = inferDeadlines.set(() => this.abort(tooLate(inferDeadlines.ms)));
    observer.started(this.timeline);
    this.#client.addEventListener("abort", this.clientLeft);
    if (this.#client.aborted) this.clientLeft();
  }

  /** Aborts with the reason of the first `abort`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Calls back when it has ended, whatever ended it; at once where it has. */
  onEnd(callback: () => void): void {
    if (this.#ended) callback();
    else this.#onEnd.push(callback);
  }

  /** The reply's head is on its way: whatever happens now, its status was 200. */
  startStreaming(): void {
    this.#streaming = true;
  }

  /** Makes what runs for this inference fail with `reason`; whoever sees that fail says `fail`. */
  abort(reason: ModeldError): void {
    if (!this.#ended) this.#abort.abort(reason);
  }

  /** There is nobody left to answer: aborts, and ends at once. */
  readonly clientLeft = (): void => {
    const reason = new ModeldError("cancelled", "the client left");
    this.abort(reason);
    this.fail(reason);
  };

  /** It ended well. */
  complete({ usage, finishReason }: Completion): void {
    this.#end({ outcome: "ok", status: STATUS_CODE.OK, usage, finishReason });
  }

  /** It failed. Only the first end counts. */
  fail({ kind, logMessage: message, upstreamType }: ModeldError): void {
    const { status, outcome } = errorTable[kind];
    const error = { kind, message, ...(upstreamType === undefined ? {} : { upstreamType }) };
    this.#end({ outcome, status: this.#streaming ? STATUS_CODE.OK : status, error });
  }

  #end(result: InferenceResult): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline.clear();
    this.#client.removeEventListener("abort", this.clientLeft);
    this.timeline.end();
    for (const callback of this.#onEnd) callback();
    this.#observer.ended(this.timeline, result);
  }
}

function timelineOptions({ headers }: Request, logLevel: LogLevel | undefined): TimelineOptions {
  const traceparent = validTraceparent(headers.get("traceparent"));
  return {
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

function tooLate(ms: number): ModeldError {
  return new ModeldError("infer_timeout", `not done ${ms} ms after arrival (--infer-timeout)`);
}
