import type { Clock } from "../../clock.ts";
import { ModeldError } from "../../errors.ts";
import type { InferenceAdapter, ServerDescription, ServerModel } from "../../llama/adapter.ts";
import { backOff } from "../back_off.ts";
import type { KnownModel } from "../registry/known_model.ts";
import { asModeldError, type ServerCalls } from "../server_calls.ts";
import type { Event, Sighting } from "../state/events.ts";

/** Time between looks, in ms: all is quiet; something is loading or leaving; the same, where the server tells of it. */
const QUIET = 2_000;
const URGENT = 100;
const URGENT_BUT_TOLD = 500;
/** Back-off while the server is lost, in ms. */
const LOST = { first: 200, longest: 2_000 };
/** Looks are at least this far apart, however many ask for one, in ms. */
const GAP = 20;
/** A server that takes longer to say how it is counts as lost, in ms. */
const LOOK_TIMEOUT = 10_000;
/** What the server said of itself is asked again when it is this old, in ms. */
const DESCRIPTION_AGE = 1_500;
/** An event stream that ends sooner than this says nothing by its end, in ms. */
const SHORT_STREAM = 1_000;

/** What one look found. */
type Report = Extract<Event, { is: "seen" | "warming" | "lost" }>;

/** Whom a watcher asks, and whom it tells. */
export interface WatcherOptions {
  readonly adapter: InferenceAdapter;
  readonly calls: ServerCalls;
  readonly clock: Clock;
  readonly random: () => number;
  /** Adds what is known of the models' files. */
  readonly addFileFacts: (models: readonly ServerModel[]) => Promise<readonly KnownModel[]>;
  readonly report: (event: Report) => void;
  /** Whether a change is expected soon. */
  readonly isUrgent: () => boolean;
}

/**
 * Looks at llama-server again and again and reports what it finds. A router's event stream only says when to look: the
 * list is the one source of what is so, so that news and list cannot contradict each other.
 */
export class ServerWatcher {
  readonly #options: WatcherOptions;
  #loop: Promise<void> | undefined;
  #stopped = false;
  #wanted = false;
  #lostInARow = 0;
  #description: ServerDescription | undefined;
  #describedAt = 0;
  #endGap: (() => void) | undefined;
  #endPause: (() => void) | undefined;
  #following = false;
  /** The server said that it has no event stream. */
  #tellsNothing = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Asks the server anew what it is, with the next look. */
  forget(): void {
    this.#description = undefined;
  }

  /** Looks as soon as may be. */
  lookNow(): void {
    this.#wanted = true;
    this.#endPause?.();
  }

  /** Resolves when it has stopped; calls in progress are ended by closing `calls`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endGap?.();
    this.#endPause?.();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#wanted = false;
      const event = await this.#look();
      if (this.#stopped) return;
      if (event !== undefined) this.#options.report(event);
      if (event?.is === "seen" && event.sighting.description.kind === "router") this.#follow();
      if (event?.is === "lost") this.#tellsNothing = false;
      await this.#sleep(GAP, (end) => this.#endGap = end);
      if (!this.#wanted) await this.#sleep(this.#interval(event) - GAP, (end) => this.#endPause = end);
    }
  }

  /** Undefined where modeld itself could not ask: that says nothing about the server. */
  async #look(): Promise<Report | undefined> {
    const { calls, clock } = this.#options;
    const askedAt = clock.now();
    try {
      const sighting = await calls.run("say how it is", LOOK_TIMEOUT, (signal) => this.#ask(askedAt, signal));
      this.#lostInARow = 0;
      return { is: "seen", sighting };
    } catch (error) {
      this.#description = undefined;
      const failure = asModeldError(error);
      if (failure.kind === "overloaded") return undefined;
      this.#lostInARow = failure.kind === "loading" ? 0 : this.#lostInARow + 1;
      return failure.kind === "loading" ? { is: "warming", askedAt } : { is: "lost", error: failure };
    }
  }

  async #ask(askedAt: number, signal: AbortSignal): Promise<Sighting> {
    const { adapter, addFileFacts } = this.#options;
    const description = await this.#describe(askedAt, signal);
    const [health, listed] = await Promise.all([adapter.health(signal), adapter.models(signal)]);
    const models = listed === undefined ? undefined : await addFileFacts(listed);
    return { askedAt, description, health, models };
  }

  /** What the server is does not change from one urgent look to the next. */
  async #describe(now: number, signal: AbortSignal): Promise<ServerDescription> {
    if (this.#description === undefined || now - this.#describedAt >= DESCRIPTION_AGE) {
      this.#description = await this.#options.adapter.describe(signal);
      this.#describedAt = now;
    }
    return this.#description;
  }

  #interval(event: Report | undefined): number {
    const { isUrgent, random } = this.#options;
    if (event === undefined || event.is === "lost") return backOff(LOST, Math.max(1, this.#lostInARow), random);
    const interval = event.is === "seen" && !isUrgent() ? QUIET : this.#following ? URGENT_BUT_TOLD : URGENT;
    return interval * (0.9 + random() / 5);
  }

  /** Waits until the time is over or the function that is handed out is called; none is out while nobody sleeps. */
  #sleep(ms: number, handOut: (end: (() => void) | undefined) => void): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        timer.clear();
        handOut(undefined);
        resolve();
      };
      const timer = this.#options.clock.after(ms, end);
      handOut(end);
    });
  }

  /** Follows the router's events for as long as they come. */
  #follow(): void {
    if (this.#following || this.#tellsNothing || this.#stopped) return;
    this.#following = true;
    const { adapter, calls, clock } = this.#options;
    const startedAt = clock.now();
    const followed = calls.run("tell of its models", 0, async (signal) => {
      for await (const event of adapter.events(signal)) if (event.state !== "loading") this.lookNow();
    });
    followed.catch((error: unknown) => {
      this.#tellsNothing = error instanceof ModeldError && error.kind === "upstream_refused";
    }).finally(() => {
      this.#following = false;
      if (clock.now() - startedAt >= SHORT_STREAM) this.lookNow();
    });
  }
}
