import { ModeldError } from "../base/errors.ts";
import type { GenerateRequest, Generation, InferenceAdapter } from "../llama/adapter.ts";
import type { Timeline } from "../base/timeline.ts";
import { buildStatus } from "./build_status.ts";
import { DeadlineTimer } from "./deadline_timer.ts";
import type { LifecycleChange } from "./lifecycle_events.ts";
import { listModels } from "./list_models.ts";
import type { Manager, ModelInfo, Readiness } from "./manager.ts";
import type { ManagerOptions } from "./manager_options.ts";
import { readinessOf } from "./readiness.ts";
import { ModelFiles } from "./registry/model_files.ts";
import { asModeldError, ServerCalls } from "./server_calls.ts";
import { SlottedGeneration } from "./slotted_generation.ts";
import type { Command } from "./state/commands.ts";
import type { Ending, Event } from "./state/events.ts";
import { nextDeadline, step } from "./state/machine.ts";
import { initialState, isUnsettled, type ManagerState } from "./state/manager_state.ts";
import { Ticket } from "./state/ticket.ts";
import type { Status } from "./status.ts";
import { ServerWatcher } from "./watch/server_watcher.ts";
import { getLogger } from "../telemetry/log.ts";

/** llama-server has this long to accept a load or an unload, or to say what a model can take, in ms. */
const CALL_TIMEOUT = 30_000;

const log = getLogger("manager");

/**
 * The manager in front of a llama-server: hands what happens to the state machine, and does what that asks for. It decides
 * nothing itself.
 */
export class ServerManager implements Manager {
  readonly #options: ManagerOptions & { readonly adapter: InferenceAdapter };
  readonly #adapter: InferenceAdapter;
  readonly #state: ManagerState;
  readonly #calls: ServerCalls;
  readonly #watcher: ServerWatcher;
  readonly #files: ModelFiles | undefined;
  readonly #startedAt: number;
  readonly #deadline: DeadlineTimer;

  constructor(options: ManagerOptions & { readonly adapter: InferenceAdapter }) {
    const { adapter, clock, random } = options;
    this.#options = options;
    this.#adapter = adapter;
    this.#startedAt = clock.now();
    this.#state = initialState(options, random);
    this.#deadline = new DeadlineTimer(clock, () => this.#step({ is: "tick" }));
    this.#calls = new ServerCalls(clock);
    this.#files = options.modelsDir === undefined ? undefined : new ModelFiles(options.modelsDir);
    this.#watcher = new ServerWatcher({
      adapter,
      calls: this.#calls,
      clock,
      random,
      addFileFacts: (models) => this.#files?.addFacts(models) ?? Promise.resolve(models),
      report: (event) => this.#step(event),
      isUrgent: () => isUnsettled(this.#state),
    });
  }

  async infer(request: GenerateRequest, timeline: Timeline, signal: AbortSignal): Promise<Generation> {
    signal.throwIfAborted();
    timeline.enter("queue");
    const ticket = new Ticket(request.model, timeline);
    this.#step({ is: "arrive", ticket });
    for (;;) {
      if (ticket.phase === "waiting") await this.#turn(ticket, signal);
      if (ticket.refusal !== undefined) throw ticket.refusal;
      const generation = await this.#generate(request, ticket, signal);
      if (generation !== undefined) return generation;
    }
  }

  /** Waits until the request has its slot or is refused; leaves the queue when the signal fires. */
  #turn(ticket: Ticket, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#step({ is: "leave", ticket });
        reject(signal.reason);
      };
      const wake = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      ticket.wake = wake;
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Starts the generation of a request that holds a slot; undefined where llama-server could not begin it yet. */
  async #generate(
    request: GenerateRequest,
    ticket: Ticket,
    signal: AbortSignal,
  ): Promise<Generation | undefined> {
    const release = (ending: Ending): void => this.#step({ is: "finish", ticket, ending });
    try {
      signal.throwIfAborted();
      ticket.timeline.enter("prefill");
      const { upstreamModel } = ticket;
      const generation = await this.#adapter.generate(
        upstreamModel === undefined ? request : { ...request, model: upstreamModel },
        signal,
      );
      return new SlottedGeneration(generation, release);
    } catch (error) {
      if (!signal.aborted && error instanceof ModeldError && error.kind === "loading") {
        this.#step({ is: "postponed", ticket });
        return undefined;
      }
      release(signal.aborted ? { kind: "cancelled" } : { kind: "failed", error: asModeldError(error) });
      throw signal.aborted ? signal.reason : error;
    }
  }

  models(): readonly ModelInfo[] {
    return listModels(this.#state);
  }

  status(): Status {
    return buildStatus(this.#state, this.#options.clock, this.#startedAt, this.#options.serverUrl);
  }

  readiness(): Readiness {
    return readinessOf(this.#state, this.#options.clock.now());
  }

  start(): void {
    this.#watcher.start();
  }

  open(): void {
    this.#step({ is: "open" });
  }

  drain(): void {
    this.#step({ is: "drain" });
  }

  async close(): Promise<void> {
    this.#step({ is: "close" });
    this.#deadline.clear();
    const stopped = this.#watcher.stop();
    await this.#calls.close();
    await stopped;
    this.#adapter.close();
  }

  #step(event: Event): void {
    for (const command of step(this.#state, event, this.#options.clock.now())) this.#execute(command);
    if (this.#state.lifecycle !== "closed") this.#deadline.moveTo(nextDeadline(this.#state));
  }

  #execute(command: Command): void {
    switch (command.do) {
      case "start":
      case "reject":
        command.ticket.wake?.();
        return;
      case "stage":
        if (command.ticket.timeline.stage !== command.stage) command.ticket.timeline.enter(command.stage);
        return;
      case "load":
      case "unload":
        return this.#order(command.do, command.model);
      case "ask_capacity":
        return this.#askCapacity(command.model);
      case "look":
        return this.#watcher.lookNow();
      case "forget":
        this.#adapter.forget();
        this.#files?.forget();
        return this.#watcher.forget();
      case "tell":
        return this.#tell(command.change);
      case "warn":
        log.warn(command.message, { model: command.model });
        return;
    }
  }

  #order(action: "load" | "unload", model: string): void {
    this.#calls.run(`accept to ${action} ${model}`, CALL_TIMEOUT, (signal) => this.#adapter[action](model, signal))
      .then(
        () => this.#step({ is: "accepted", model }),
        (error: unknown) => this.#step({ is: "refused", model, error: asModeldError(error) }),
      );
  }

  #askCapacity(model: string): void {
    const purpose = `say what ${model} can take`;
    this.#calls.run(purpose, CALL_TIMEOUT, (signal) => this.#adapter.capacity(model, signal)).then(
      ({ slots }) => this.#step({ is: "capacity", model, slots }),
      (error: unknown) => {
        log.debug("slots of the model are not known; asked again later", {
          model,
          error: asModeldError(error).message,
        });
        this.#step({ is: "capacity", model, slots: undefined });
      },
    );
  }

  #tell(change: LifecycleChange): void {
    const { event, ...details } = change;
    const failed = event === "server_lost" || event === "load_failed";
    log[failed ? "warn" : "info"](event, details);
    this.#options.onEvent?.({ ...change, time: new Date(this.#options.clock.wallTime()).toISOString() });
  }
}
