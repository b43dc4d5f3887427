import { STATUS_CODE } from "@std/http/status";
import type { Clock, Timer } from "../clock.ts";
import { ModeldError } from "../errors.ts";
import type { Usage } from "../llama/adapter.ts";
import type { InferenceObserver, InferenceResult } from "../telemetry/inference_observer.ts";
import { requestedLogLevel } from "../telemetry/log_level.ts";
import { Timeline, type TimelineOptions } from "../telemetry/timeline.ts";
import { validTraceparent } from "../telemetry/traceparent.ts";
import { errorTable } from "./error_table.ts";

/** What every inference is started with. */
export interface InferenceOptions {
  readonly clock: Clock;
  readonly observer: InferenceObserver;
  /** Milliseconds from arrival to the last line; 0 is no limit. */
  readonly inferTimeout: number;
}

/**
 * One `POST /infer` from its arrival to its one outcome. Owns the signal that goes down to llama-server, and everything
 * that may abort it: the client, the deadline, the shutdown.
 */
export class Inference {
  readonly timeline: Timeline;
  readonly #abort = new AbortController();
  readonly #client: AbortSignal;
  readonly #options: InferenceOptions;
  readonly #deadline: Timer | undefined;
  readonly #onEnd: (inference: Inference) => void;
  #ended = false;

  /** @param onEnd called once, when it has ended */
  constructor(requestId: string, request: Request, options: InferenceOptions, onEnd: (inference: Inference) => void) {
    const { clock, observer, inferTimeout } = options;
    this.timeline = new Timeline(requestId, clock, timelineOptions(request));
    this.#client = request.signal;
    this.#options = options;
    this.#onEnd = onEnd;
    if (inferTimeout > 0) this.#deadline = clock.after(inferTimeout, () => this.abort(tooLate(inferTimeout)));
    observer.started(this.timeline);
    this.#client.addEventListener("abort", this.#clientLeft);
    if (this.#client.aborted) this.#clientLeft();
  }

  /** Aborts with the reason of the first `abort`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends what runs for this inference, for `reason`. Does nothing after the end. */
  abort(reason: ModeldError): void {
    if (!this.#ended) this.#abort.abort(reason);
  }

  /** It ended well. */
  complete(usage: Usage): void {
    this.#end({ outcome: "ok", status: STATUS_CODE.OK, usage });
  }

  /** It failed; `status` is what was sent, where that is not the failure's own. */
  fail(failure: ModeldError, status = errorTable[failure.kind].status): void {
    const { kind, message, upstreamType } = failure;
    const error = { kind, message, ...(upstreamType === undefined ? {} : { upstreamType }) };
    this.#end({ outcome: errorTable[kind].outcome, status, error });
  }

  readonly #clientLeft = () => this.abort(new ModeldError("cancelled", "the client left"));

  #end(result: InferenceResult): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline?.clear();
    this.#client.removeEventListener("abort", this.#clientLeft);
    this.#onEnd(this);
    this.timeline.end();
    this.#options.observer.ended(this.timeline, result);
  }
}

function timelineOptions({ headers, url }: Request): TimelineOptions {
  const query = url.indexOf("?");
  const logLevel = requestedLogLevel(new URLSearchParams(query === -1 ? "" : url.slice(query)), headers);
  const traceparent = validTraceparent(headers.get("traceparent"));
  return {
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

function tooLate(ms: number): ModeldError {
  return new ModeldError("infer_timeout", `not done ${ms} ms after arrival (--infer-timeout)`);
}
