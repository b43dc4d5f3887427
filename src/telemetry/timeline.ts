import type { Clock } from "../clock.ts";

/** Where a request is: waiting for a slot, for its model to load, for the first token, or streaming. */
export type Stage = "queue" | "load" | "prefill" | "stream";

/**
 * What one inference went through, written down as it happens and read once at its end by metrics, log and traces.
 * Times are the clock's milliseconds.
 */
export class Timeline {
  readonly requestId: string;
  readonly arrivedAt: number;
  /** The model's id once it is known to the registry; a client cannot put a word of its own here. */
  model: string | undefined;
  stage: Stage = "queue";
  /** Milliseconds spent in each stage that has ended. */
  readonly spent: Record<Stage, number> = { queue: 0, load: 0, prefill: 0, stream: 0 };
  readonly #clock: Clock;
  #stageStartedAt: number;

  constructor(requestId: string, clock: Clock) {
    this.requestId = requestId;
    this.#clock = clock;
    this.arrivedAt = clock.now();
    this.#stageStartedAt = this.arrivedAt;
  }

  /** Ends the present stage and starts the next; a stage may be entered more than once, its times add up. */
  enter(stage: Stage): void {
    const now = this.#clock.now();
    this.spent[this.stage] += now - this.#stageStartedAt;
    this.stage = stage;
    this.#stageStartedAt = now;
  }
}
