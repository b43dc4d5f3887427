import { atMost, type Client, type Priority, priorityOf, publicName } from "../base/client.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { ModeldError, shuttingDown } from "../base/errors.ts";
import { LinkedList } from "../base/list.ts";
import type { LogLevel } from "../base/log_level.ts";
import type { RequestContext } from "../base/request_context.ts";
import { Timeline, type TimelineOptions, type Usage } from "../base/timeline.ts";
import type { Completion } from "../llama/exchange.ts";
import type { InferenceObserver, InferenceResult } from "../telemetry/inference_observer.ts";
import { validTraceparent } from "../telemetry/inference_traces.ts";
import type { ByteBudget, ByteShare } from "./byte_budget.ts";
import { errorTable } from "./error_table.ts";
import { pathOf } from "./request_target.ts";
import type { GatewayHeaders } from "./middleware/gateway_headers.ts";
import { STATUS_CODE } from "@std/http/status";

/** What every inference is started with. */
export interface InferenceOptions {
  /** What all inferences together may keep in memory. */
  readonly budget: ByteBudget;
  readonly clock: Clock;
  readonly observer: InferenceObserver;
  /** From arrival to the last line. */
  readonly inferDeadlines: () => Deadlines;
}

/** What is known of a request for inference beside its headers and its client. */
export interface Arrival {
  /** How much of it is logged; missing: as much as the daemon logs. */
  readonly logLevel?: LogLevel | undefined;
  /** The client's address. */
  readonly address?: string;
}

/**
 * One request for inference from its arrival to its one outcome. Owns the signal that goes down to llama-server, and
 * everything that may abort it: the client, the deadline, the shutdown.
 */
export class Inference implements RequestContext {
  readonly id: string;
  /** Its place in the order of arrival, unique in this process; the id is the client's and may come twice. */
  readonly number: number;
  readonly timeline: Timeline;
  readonly client: Client;
  fairnessId: string | undefined;
  /** What it keeps of the process's memory; given back when nothing of it is left. */
  readonly share: ByteShare;
  /** How many tasks llama-server makes of it where its answer counts the tokens of one alone. */
  tasks = 1;
  readonly #abort = new AbortController();
  readonly #client: AbortSignal;
  readonly #observer: InferenceObserver;
  readonly #deadline: Timer;
  readonly #onEnd: ((tokens: number | undefined) => void)[] = [];
  #cutReply: (() => void) | undefined;
  #onReleased: (() => void) | undefined;
  #streaming = false;
  #ended = false;
  #clientHasLeft = false;
  #tokens: number | undefined;

  constructor(
    id: string,
    request: Request,
    client: Client,
    options: InferenceOptions,
    { logLevel, address = "" }: Arrival = {},
    number = 0,
  ) {
    const { clock, observer, budget } = options;
    const inferDeadlines = options.inferDeadlines();
    this.id = id;
    this.number = number;
    this.client = client;
    const priority = atMost(client.priority, priorityOf(request.headers.get("x-modeld-priority")));
    this.share = budget.share();
    this.timeline = new Timeline(id, clock, timelineOptions(request, logLevel));
    this.timeline.client = publicName(client);
    this.timeline.path = pathOf(request.url);
    this.timeline.address = address;
    this.timeline.priority = priority;
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

  get priority(): Priority {
    return this.timeline.priority;
  }

  /** Puts it into the class of that name, or by OpenAI's `service_tier`, unless that is a higher one. */
  lowerPriority(word: string | undefined): void {
    this.timeline.priority = atMost(this.priority, priorityOf(word));
  }

  /** Takes the place in the queue and the class that a gateway asks for; never a higher class than it has. */
  applyGateway({ fairnessId, objective }: GatewayHeaders): void {
    this.fairnessId = fairnessId;
    this.timeline.priority = atMost(this.priority, objective);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether there is nobody left to answer. */
  get clientHasLeft(): boolean {
    return this.#clientHasLeft;
  }

  /**
   * Calls back when it has ended, whatever ended it; at once where it has. `tokens` are those that llama-server counted, 0
   * where it cannot have begun, undefined where nobody knows.
   */
  onEnd(callback: (tokens: number | undefined) => void): void {
    if (this.#ended) callback(this.#tokens);
    else this.#onEnd.push(callback);
  }

  /** Calls back when it has ended and nothing of its reply is left. There is one observer. */
  onReleased(callback: () => void): void {
    this.#onReleased = callback;
    this.#releaseIfDone();
  }

  /** The reply's head is on its way: whatever happens now, its status was 200. @param cut ends the reply by force */
  startReply(cut: () => void): void {
    this.#streaming = true;
    this.#cutReply = cut;
  }

  /** The client has taken the reply to its end, or will not. */
  endReply(): void {
    this.#cutReply = undefined;
    this.#releaseIfDone();
  }

  /** Ends what is left of the reply by force. */
  cutReply(): void {
    this.#cutReply?.();
  }

  /** Makes what runs for this inference fail with `reason`; whoever sees that fail says `fail`. */
  abort(reason: ModeldError): void {
    if (!this.#ended) this.#abort.abort(reason);
  }

  /** There is nobody left to answer: aborts, and ends at once. */
  readonly clientLeft = (): void => {
    this.#clientHasLeft = true;
    const reason = new ModeldError("cancelled", "the client left");
    this.abort(reason);
    this.fail(reason);
  };

  /** It ended well. */
  complete({ usage: counted, usageIsInvalid = false, finishReason, timings }: Completion): void {
    const usage = times(this.tasks, counted);
    if (!this.#ended) this.#tokens = usage.totalTokens > 0 && !usageIsInvalid ? usage.totalTokens : undefined;
    const details = {
      ...usageIsInvalid && { usageIsInvalid },
      ...this.tasks > 1 && { usageIsEstimated: true },
      ...timings !== undefined && { timings },
    };
    this.#end({ outcome: "ok", status: STATUS_CODE.OK, usage, finishReason, ...details });
  }

  /** It failed. Only the first end counts. */
  fail({ kind, logMessage: message, upstreamType, begun }: ModeldError): void {
    const { stage } = this.timeline;
    if (!this.#ended && (begun === "no" || stage === "queue" || stage === "load")) this.#tokens = 0;
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
    for (const callback of this.#onEnd) callback(this.#tokens);
    this.#observer.ended(this.timeline, result);
    this.#releaseIfDone();
  }

  #releaseIfDone(): void {
    if (!this.#ended || this.#cutReply !== undefined) return;
    this.share.release();
    this.#onReleased?.();
    this.#onReleased = undefined;
  }
}

/** The usage of so many tasks of which one was counted. */
function times(tasks: number, usage: Usage): Usage {
  if (tasks === 1) return usage;
  const { promptTokens, completionTokens, totalTokens } = usage;
  return {
    promptTokens: tasks * promptTokens,
    completionTokens: tasks * completionTokens,
    totalTokens: tasks * totalTokens,
  };
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

/** The inferences of this process, so that a shutdown can wait for them and end those that take too long. */
export class Inferences {
  readonly #options: InferenceOptions;
  readonly #running = new LinkedList<Inference>();
  #begun = 0;
  #draining = false;
  #onIdle: (() => void) | undefined;

  constructor(options: InferenceOptions) {
    this.#options = options;
  }

  /** Whether new ones are turned away. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Begins one; while draining it is aborted from the start. */
  begin(id: string, request: Request, client: Client, arrival?: Arrival): Inference {
    const inference = new Inference(id, request, client, this.#options, arrival, ++this.#begun);
    const running = this.#running.add(inference);
    inference.onReleased(() => {
      running.remove();
      if (this.#running.first === undefined) this.#onIdle?.();
    });
    if (this.#draining) inference.abort(shuttingDown());
    return inference;
  }

  /** Those that have not ended, in order of arrival. */
  running(): Inference[] {
    return this.#running.toArray().filter(({ ended }) => !ended);
  }

  /** New ones are turned away from now on; those that run go on. */
  drain(): void {
    this.#draining = true;
  }

  /** Waits at most `ms` until none runs and every reply has been taken. */
  async idle(ms: number): Promise<void> {
    if (this.#running.first === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, resolve);
    this.#onIdle = resolve;
    await promise;
    timer.clear();
  }

  /** Makes those that run fail, so that each writes its error line and ends. */
  abortAll(): void {
    for (const inference of this.#running.toArray()) inference.abort(shuttingDown(inference.timeline.begun));
  }

  /** Ends those that run, and what is left of replies, by force. */
  endAll(): void {
    for (const inference of this.#running.toArray()) {
      inference.fail(shuttingDown());
      inference.cutReply();
    }
  }
}
