import type { Clock, Timer } from "../../../base/clock.ts";
import { Deadlines } from "../../../base/deadlines.ts";
import type { Stage, Timeline } from "../../../base/timeline.ts";
import type { Fleet, QueuePlace } from "../../../dispatch/fleet.ts";

/** How far a request is, as its client is told. */
export interface Progress {
  readonly stage: Exclude<Stage, "stream">;
  /** In its model's queue; 1 is next. */
  readonly position?: number;
  /** Until it gets a slot of its model, in ms, by what requests took lately. */
  readonly eta_ms?: number;
}

/** How often it is looked whether something has changed, in ms. */
const LOOK_MS = 250;

/** How often a client is told the same again, in ms. */
const REPEAT_MS = 15_000;

/** Tells those who wait how far their requests are. The places in the queues are asked for once for all of them. */
export class ProgressWatch {
  readonly #fleet: Pick<Fleet, "queuePlaces">;
  readonly #clock: Clock;
  readonly #looks: Deadlines;
  #places: ReadonlyMap<Timeline, QueuePlace> = new Map();
  #placesAt = -Infinity;

  constructor(fleet: Pick<Fleet, "queuePlaces">, clock: Clock) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#looks = new Deadlines(LOOK_MS, clock);
  }

  /**
   * Calls `report` within 250 ms whenever stage or place have changed, and every 15 s, until the first fragment or until
   * it is cleared. A request that is answered or refused sooner is told nothing.
   */
  watch(timeline: Timeline, report: (progress: Progress) => void): Timer {
    let told: Progress | undefined;
    let toldAt = -Infinity;
    let timer: Timer;
    const look = (): void => {
      const progress = this.#progressOf(timeline);
      if (progress === undefined) return;
      timer = this.#looks.set(look);
      const isNew = progress.stage !== told?.stage || progress.position !== told.position;
      const now = this.#clock.now();
      if (!isNew && now - toldAt < REPEAT_MS) return;
      told = progress;
      toldAt = now;
      report(progress);
    };
    timer = this.#looks.set(look);
    return { clear: () => timer.clear() };
  }

  /** Releases its timer: nobody is told anything any more. */
  close(): void {
    this.#looks.close();
  }

  #progressOf(timeline: Timeline): Progress | undefined {
    const { stage } = timeline;
    if (stage === "stream" || timeline.endedAt !== undefined) return undefined;
    const place = stage === "prefill" ? undefined : this.#placeOf(timeline);
    return {
      stage,
      ...place !== undefined && { position: place.position },
      // What the queue tells of is slots; how long a load takes is not in it.
      ...stage === "queue" && place?.expectedWaitMs !== undefined && { eta_ms: place.expectedWaitMs },
    };
  }

  #placeOf(timeline: Timeline): QueuePlace | undefined {
    const now = this.#clock.now();
    if (now - this.#placesAt >= LOOK_MS / 2) {
      this.#places = new Map(this.#fleet.queuePlaces().map((place) => [place.timeline, place]));
      this.#placesAt = now;
    }
    return this.#places.get(timeline);
  }
}
