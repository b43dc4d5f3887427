import type { ModeldError } from "../../base/errors.ts";
import type { Timeline } from "../../base/timeline.ts";
import type { Instance } from "./instance.ts";

/** Where a request is in the manager. `ended` is final: whatever comes after it changes nothing. */
export type TicketPhase = "arriving" | "waiting" | "running" | "ended";

/** One request as the state machine sees it. Whoever made it only reads it afterwards, save for `wake`. */
export class Ticket {
  readonly timeline: Timeline;
  /** For whoever waits with it: to be called when it is started or rejected. */
  wake: (() => void) | undefined;
  phase: TicketPhase = "arriving";
  /** What the client named. */
  readonly requested: string | undefined;
  /** What llama-server is asked for; known once the request is resolved. */
  upstreamModel: string | undefined;
  /** The instance that serves it; known once the request is resolved, whatever becomes of it. */
  instance: Instance | undefined;
  /** Why it was turned away. */
  refusal: ModeldError | undefined;
  /** Order of arrival, over all models. */
  sequence = 0;
  arrivedAt = 0;
  /** When its max-wait is over. */
  deadline = Infinity;
  /** When it got its slot. */
  startedAt = 0;

  constructor(requested: string | undefined, timeline: Timeline) {
    this.requested = requested;
    this.timeline = timeline;
  }
}
