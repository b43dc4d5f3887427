import type { Client, Priority } from "../base/client.ts";
import type { ModeldError } from "../base/errors.ts";
import type { Link } from "../base/list.ts";
import type { RequestContext } from "../base/request_context.ts";
import type { Timeline } from "../base/timeline.ts";
import type { Instance } from "../upstream/instance.ts";
import type { Affinity, Match } from "./affinity/affinity.ts";
import type { Fingerprint } from "./affinity/fingerprint.ts";
import type { Placement } from "./choice.ts";
import { HeapNode } from "./indexed_heap.ts";
import type { Model } from "./models.ts";
import type { Entry, FairRequest } from "./waiting_line.ts";

/** Where a request is. `ended` is final: whatever comes after it changes nothing. */
export type RequestPhase = "arriving" | "waiting" | "running" | "ended";

/** A request tries the same server at most once in this time, in ms. */
const RETRY_PAUSE = 1_000;

/** One request as the state machine sees it. Whoever made it only reads it afterwards, save for `onTurn` and `onAbort`. */
export class QueuedRequest implements FairRequest {
  readonly timeline: Timeline;
  /** For whoever waits with it: called when it is started or turned away. */
  onTurn: (() => void) | undefined;
  /** For whoever runs it: called with the reason when its server is lost. */
  onAbort: ((reason: ModeldError) => void) | undefined;
  phase: RequestPhase = "arriving";
  /** Its prompt, where there is a choice of servers to make by it. */
  prompt: Fingerprint | undefined;
  /** How long its prompt is expected to be. */
  promptTokens = 0;
  /** Since when it has kept a slot free by waiting for a server that has its prompt in the cache. */
  heldSince: number | undefined;
  /** Why it was sent where it runs. */
  placement: Placement | undefined;
  /** Whether its prompt counts among those that its server still has to compute. */
  isInBacklog = false;
  #matches: Map<Instance, Match> | undefined;
  /** What the client named. */
  readonly requested: string | undefined;
  readonly client: Client;
  readonly priority: Priority;
  readonly sharer: string | undefined;
  /** Slots that it can use at once, at least 1. */
  readonly slots: number;
  /** It takes no slot, and needs only the model. */
  readonly isCall: boolean;
  /** Its answer comes whole: when it is given up, its slots are in doubt. */
  readonly isWhole: boolean;
  /** The model that it waits for or runs on; known once the request is resolved. */
  model: Model | undefined;
  /** Its place in the queue of its model, then among what runs there. */
  entry: Entry<QueuedRequest> | undefined;
  /** Its place among the calls without a slot that wait for its model. */
  place: Link | undefined;
  /** Its place among the deadlines of those that wait. */
  readonly deadlineNode: HeapNode<QueuedRequest> = new HeapNode<QueuedRequest>(this);
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
  /** Whether the server on which it runs has accepted it. */
  isAccepted = false;
  /** Since when it holds as many slots as it does. */
  #leasedAt = 0;
  /** When it got its slots. */
  startedAt = 0;
  /** Servers that did not begin it, and when they were tried; undefined before the first. */
  #tried: Map<string, number> | undefined;

  /** @param slots that it can use at once; 0: it takes none and needs only the model */
  constructor(
    requested: string | undefined,
    context: Pick<RequestContext, "timeline" | "client" | "priority" | "fairnessId">,
    slots = 1,
    isWhole = false,
  ) {
    this.requested = requested;
    this.timeline = context.timeline;
    this.client = context.client;
    const { client: { name }, fairnessId } = context;
    this.sharer = fairnessId === undefined ? undefined : `${name}\n${fairnessId}`;
    this.priority = context.priority;
    this.slots = Math.max(1, slots);
    this.isCall = slots === 0;
    this.isWhole = isWhole && !this.isCall;
  }

  /** What is known of its prompt on an instance; kept as long as nothing changes there. */
  matchOn(instance: Instance, affinity: Affinity): Match | undefined {
    if (this.prompt === undefined) return undefined;
    this.#matches ??= new Map();
    const match = affinity.match(this.prompt, this.#matches.get(instance));
    this.#matches.set(instance, match);
    return match;
  }

  /** It holds so many slots from now on. */
  hold(slots: number, now: number): void {
    this.timeline.slotMs += this.leased * (now - this.#leasedAt);
    this.#leasedAt = now;
    this.leased = slots;
  }

  /** Notes that a server did not begin it; at Infinity, that it never will. */
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

  /** Whether it waits for a better server, or for its retry, rather than for a slot. */
  get isChoosy(): boolean {
    return this.heldSince !== undefined || this.hasTried;
  }
}
