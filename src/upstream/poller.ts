import type { Clock } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import type { LlamaServer, ServerDescription, ServerModel } from "../llama/llama_server.ts";
import { getLogger } from "../telemetry/log.ts";
import { backOff, type ServerCalls } from "./calls.ts";
import type { ServerEvent, Snapshot } from "./lifecycle.ts";
import type { KnownModel } from "./model.ts";

const log = getLogger("poller");

/** Time between polls, in ms: all is quiet; something is loading or leaving; the same, where the server reports it. */
const QUIET = 1_600;
const URGENT = 100;
const URGENT_WITH_EVENTS = 500;
/** Back-off while the server does not answer, in ms. */
const SILENT = { first: 200, longest: 2_000 };
/** Polls are at least this far apart, in ms. */
const GAP = 20;
/** A poll that takes longer has failed, in ms. */
const POLL_TIMEOUT = 10_000;
/** Polls without an answer, in a row, after which the server counts as lost. */
const SILENT_POLLS = 3;
/** What the server said of itself is asked again when it is this old, in ms. */
const DESCRIPTION_AGE = 1_000;
/** An event stream that ends sooner than this says nothing by its end, in ms. */
const SHORT_STREAM = 1_000;

/** What a poller needs. */
export interface PollerOptions {
  readonly server: LlamaServer;
  readonly calls: ServerCalls;
  readonly clock: Clock;
  readonly random: () => number;
  /** Adds what is known of the models' files. */
  readonly addFileFacts: (models: readonly ServerModel[], signal: AbortSignal) => Promise<readonly KnownModel[]>;
  readonly report: (event: ServerEvent) => void;
  /** Whether a change is expected soon. */
  readonly isUrgent: () => boolean;
}

/** What came of one poll; `nothing`: no evidence for or against the server. */
type Outcome = "seen" | "warming" | "silent" | "lost" | "nothing";

/**
 * Polls one llama-server and reports what it finds. A router's event stream only says when to poll: the list is the one
 * source of what is so, so that events and list cannot contradict each other.
 */
export class Poller {
  readonly #options: PollerOptions;
  #loop: Promise<void> | undefined;
  #stopped = false;
  #wanted = false;
  #silentPolls = 0;
  #description: ServerDescription | undefined;
  #describedAt = 0;
  #endGap: (() => void) | undefined;
  #endPause: (() => void) | undefined;
  #following = false;
  /** The server said that it has no event stream. */
  #hasNoEvents = false;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Asks the server anew what it is, with the next poll. */
  forget(): void {
    this.#description = undefined;
  }

  /** Polls as soon as may be. */
  pollNow(): void {
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
      const outcome = await this.#poll();
      if (this.#stopped) return;
      await this.#sleep(GAP, (end) => this.#endGap = end);
      if (!this.#wanted) await this.#sleep(this.#interval(outcome) - GAP, (end) => this.#endPause = end);
    }
  }

  async #poll(): Promise<Outcome> {
    const { calls, clock, report } = this.#options;
    const askedAt = clock.now();
    try {
      const snapshot = await calls.run("say how it is", POLL_TIMEOUT, (signal) => this.#ask(askedAt, signal));
      if (this.#stopped) return "nothing";
      this.#silentPolls = 0;
      report({ is: "seen", snapshot });
      if (snapshot.description.kind === "router") this.#follow();
      return "seen";
    } catch (error) {
      return this.#stopped ? "nothing" : this.#failed(error, askedAt);
    }
  }

  /** Decides what a poll that failed is evidence of. */
  #failed(error: unknown, askedAt: number): Outcome {
    const { server, report } = this.#options;
    this.#description = undefined;
    if (!(error instanceof ModeldError)) {
      log.error("unexpected error in a poll, please report it", { error });
      return "nothing";
    }
    if (error.kind === "loading") {
      this.#silentPolls = 0;
      report({ is: "warming", askedAt });
      return "warming";
    }
    if (error.kind === "overloaded") return "nothing"; // modeld's own shortage of file descriptors
    const isProof = error.isRefusal || error.kind === "upstream_refused";
    if (!isProof && server.lastHeardAt > askedAt) {
      this.#silentPolls = 0;
      return "silent";
    }
    this.#silentPolls++;
    if (!isProof && this.#silentPolls < SILENT_POLLS) return "silent";
    this.#hasNoEvents = false;
    report({ is: "lost", error });
    return "lost";
  }

  async #ask(askedAt: number, signal: AbortSignal): Promise<Snapshot> {
    const { server, addFileFacts } = this.#options;
    const description = await this.#describe(askedAt, signal);
    const [health, listed] = await Promise.all([server.health(signal), server.models(signal)]);
    const models = listed === undefined ? undefined : await addFileFacts(listed, signal);
    return { askedAt, description, health, models };
  }

  /** What the server is does not change from one urgent poll to the next. */
  async #describe(now: number, signal: AbortSignal): Promise<ServerDescription> {
    if (this.#description === undefined || now - this.#describedAt >= DESCRIPTION_AGE) {
      this.#description = await this.#options.server.describe(signal);
      this.#describedAt = now;
    }
    return this.#description;
  }

  #interval(outcome: Outcome): number {
    const { isUrgent, random } = this.#options;
    if (outcome === "lost" || outcome === "silent") return backOff(SILENT, Math.max(1, this.#silentPolls), random);
    const interval = outcome === "seen" && !isUrgent() ? QUIET : this.#following ? URGENT_WITH_EVENTS : URGENT;
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
    if (this.#following || this.#hasNoEvents || this.#stopped) return;
    this.#following = true;
    const { server, calls, clock } = this.#options;
    const startedAt = clock.now();
    const followed = calls.run("report changes of its models", 0, async (signal) => {
      for await (const event of server.events(signal)) if (event.state !== "loading") this.pollNow();
    });
    followed.catch((error: unknown) => {
      this.#hasNoEvents = error instanceof ModeldError && error.kind === "upstream_refused";
    }).finally(() => {
      this.#following = false;
      if (clock.now() - startedAt >= SHORT_STREAM) this.pollNow();
    });
  }
}
