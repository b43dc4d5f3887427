import type { ModeldError } from "../base/errors.ts";
import type { Link } from "../base/list.ts";
import type { Timeline } from "../base/timeline.ts";
import type { Instance } from "../upstream/instance.ts";
import type { Model } from "./models.ts";

/** Where a request is. `ended` is final: whatever comes after it changes nothing. */
export type RequestPhase = "arriving" | "waiting" | "running" | "ended";

/** A request tries the same server at most once in this time, in ms. */
const RETRY_PAUSE = 1_000;

/** One request as the state machine sees it. Whoever made it only reads it afterwards, save for `onTurn` and `onAbort`. */
export class QueuedRequest {
  readonly timeline: Timeline;
  /** For whoever waits with it: called when it is started or turned away. */
  onTurn: (() => void) | undefined;
  /** For whoever runs it: called with the reason when its server is lost. */
  onAbort: ((reason: ModeldError) => void) | undefined;
  phase: RequestPhase = "arriving";
  /** What the client named. */
  readonly requested: string | undefined;
  /** Slots that it can use at once; 0: it takes none. */
  readonly slots: number;
  /** The model that it waits for or runs on; known once the request is resolved. */
  model: Model | undefined;
  /** Where it runs, or ran last. */
  instance: Instance | undefined;
  /** Slots that it holds. */
  leased = 0;
  /** Its places among those that hold slots, and among those that can use more than they hold. */
  running: Link | undefined;
  growing: Link | undefined;
  /** Why it was turned away. */
  refusal: ModeldError | undefined;
  /** Order of arrival, over all models. */
  sequence = 0;
  arrivedAt = 0;
  /** When its max-wait is over. */
  deadline = Infinity;
  /** Its max-wait in ms, for messages; 0: none. */
  maxWait = 0;
  /** When it got its slots. */
  startedAt = 0;
  /** Servers that did not begin it, and when they were tried; undefined before the first. */
  #tried: Map<string, number> | undefined;

  constructor(requested: string | undefined, timeline: Timeline, slots = 1) {
    this.requested = requested;
    this.timeline = timeline;
    this.slots = slots;
  }

  /** Notes that a server did not begin it. */
  tried(server: string, now: number): void {
    this.#tried ??= new Map();
    this.#tried.set(server, now);
  }

  /** When the server may be tried, in the clock's ms. */
  mayTryAt(server: string): number {
    const tried = this.#tried?.get(server);
    return tried === undefined ? -Infinity : tried + RETRY_PAUSE;
  }

  /** Whether any server has been tried in vain. */
  get hasTried(): boolean {
    return this.#tried !== undefined;
  }
}
