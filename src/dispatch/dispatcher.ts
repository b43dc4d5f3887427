import { AbortScope } from "../base/abort.ts";
import type { Client } from "../base/client.ts";
import type { Clock } from "../base/clock.ts";
import { MovingDeadline } from "../base/deadlines.ts";
import { ModeldError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { RequestContext } from "../base/request_context.ts";
import type { Ending, Exchange } from "../llama/exchange.ts";
import { lacksEndpoint } from "../llama/failures.ts";
import type { LlamaServer } from "../llama/llama_server.ts";
import type { LifecycleChange, LifecycleEvent, ServerEvent } from "../upstream/lifecycle.ts";
import { ServerLink } from "../upstream/link.ts";
import { ModelFiles } from "../upstream/model_files.ts";
import { Server, type ServerTerms } from "../upstream/server.ts";
import type { Command } from "./commands.ts";
import { answerTimings } from "./estimates.ts";
import type { Event, RequestEnding } from "./events.ts";
import type { CatalogModel, Fleet, FleetRequest, ModelInfo, QueuePlace } from "./fleet.ts";
import { logLifecycle } from "./lifecycle_log.ts";
import { nextDeadline, step } from "./machine.ts";
import { route, upstreamModel } from "./models.ts";
import { modelForbidden } from "./refusals.ts";
import { QueuedRequest } from "./request.ts";
import { type FleetState, initialState, type Terms } from "./state.ts";
import {
  buildStatus,
  catalogOf,
  listModels,
  queuePlacesOf,
  type Readiness,
  readinessOf,
  type Status,
} from "./status.ts";

/** One llama-server of the fleet. */
export interface FleetServer {
  /** Unique among the servers. */
  readonly name: string;
  /** Without secrets, for `/status`. */
  readonly url: string;
  readonly connection: LlamaServer;
  /** Memory that models may take on it now; missing: as much as on the others. */
  readonly terms?: () => Pick<ServerTerms, "vramBudgetMb" | "vramMarginMb">;
}

/** What a dispatcher is made of. */
export interface DispatcherOptions {
  /** None: not configured, every request is refused. */
  readonly servers: readonly FleetServer[];
  /** The present settings. */
  readonly terms: () => Terms;
  /** Where model files may lie, to read their size, quantization and family. */
  readonly modelsDir?: string | undefined;
  readonly clock: Clock;
  /** Numbers from 0 up to 1, for jitter and ties. */
  readonly random: () => number;
  /** Called with each lifecycle event as it happens. */
  readonly onEvent?: ((event: LifecycleEvent) => void) | undefined;
}

/** Hands what happens to the state machine, and does what that asks for. It decides nothing itself. */
export class Dispatcher implements Fleet {
  readonly #options: DispatcherOptions;
  readonly #state: FleetState;
  readonly #files: ModelFiles | undefined;
  readonly #links = new Map<string, ServerLink>();
  /** Links of servers that were removed, until they are closed. */
  readonly #closing = new Set<Promise<void>>();
  #started = false;
  readonly #startedAt: number;
  readonly #deadline: MovingDeadline;

  constructor(options: DispatcherOptions) {
    const { clock, random, terms } = options;
    this.#options = options;
    this.#files = options.modelsDir === undefined ? undefined : new ModelFiles(options.modelsDir);
    this.#startedAt = clock.now();
    this.#state = initialState(terms, random);
    this.#deadline = new MovingDeadline(clock, () => this.#step({ is: "tick" }));
    for (const server of options.servers) this.add(server);
  }

  async exchange(request: FleetRequest, context: RequestContext): Promise<Exchange> {
    const { signal, timeline } = context;
    signal.throwIfAborted();
    timeline.enter("queue");
    const queued = new QueuedRequest(request.model, context, request.slots, request.isWhole);
    // With one server there is nothing to choose.
    if (this.#state.servers.size > 1) queued.prompt = request.prompt?.();
    this.#step({ is: "arrive", request: queued });
    for (;;) {
      if (queued.phase === "waiting") await this.#turn(queued, signal);
      if (queued.refusal !== undefined) throw queued.refusal;
      const exchange = await this.#open(request, queued, signal);
      if (exchange !== undefined) return exchange;
    }
  }

  /** Waits until the request has its slots or is turned away; leaves the queue when the signal aborts. */
  #turn(request: QueuedRequest, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#step({ is: "leave", request });
        reject(signal.reason);
      };
      // Named: V8 allocates a closure that is assigned straight to a property as if it were to live long.
      const onTurn = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      request.onTurn = onTurn;
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
    });
  }

  /**
   * Opens the exchange of a request that has its slots; undefined where its server did not begin it. The slots are given
   * back once: by the exchange's end, or as soon as the signal aborts or the server is lost.
   */
  async #open(request: FleetRequest, queued: QueuedRequest, signal: AbortSignal): Promise<Exchange | undefined> {
    const { instance } = queued;
    const link = instance === undefined ? undefined : this.#links.get(instance.server.id);
    if (instance === undefined || link === undefined) throw new Error("a request was started without a server");
    const scope = new AbortScope();
    const giveBack = (ending: RequestEnding): void => {
      scope.signal.removeEventListener("abort", onAbort);
      scope.release();
      queued.onAbort = undefined;
      this.#step({ is: "finish", request: queued, ending });
    };
    const onAbort = (): void => giveBack({ kind: "cancelled" });
    scope.signal.addEventListener("abort", onAbort);
    scope.follow(signal);
    const onLoss = (reason: ModeldError): void => scope.abort(reason);
    queued.onAbort = onLoss;
    try {
      scope.signal.throwIfAborted();
      queued.timeline.server = instance.server.id;
      queued.timeline.enter("prefill");
      const { isRouter } = instance.server;
      const target = { server: link.server, model: upstreamModel(this.#state, queued, instance), isRouter };
      const exchange = await request.open(target, scope.signal);
      this.#step({ is: "accepted", request: queued });
      if (queued.isInBacklog) this.#noteFirstToken(queued);
      exchange.onEnd((ending) => giveBack(requestEnding(ending)));
      return exchange;
    } catch (error) {
      scope.signal.removeEventListener("abort", onAbort);
      if (!scope.signal.aborted && error instanceof ModeldError && this.#isWorthAnotherTry(error)) {
        scope.release();
        queued.onAbort = undefined;
        this.#step({ is: "not_begun", request: queued, error });
        return undefined;
      }
      if (!scope.signal.aborted) giveBack(failure(error));
      throw scope.signal.aborted ? scope.signal.reason : error;
    }
  }

  /** Whether the error proves that nothing began, and that another server, or the same one later, may begin it. */
  #isWorthAnotherTry(error: ModeldError): boolean {
    if (error.begun !== "no") return false;
    const { kind } = error;
    return kind === "loading" || kind === "unreachable" || (this.#state.servers.size > 1 && lacksEndpoint(error));
  }

  #noteFirstToken(request: QueuedRequest): void {
    const onFirstToken = (): void => this.#step({ is: "first_token", request });
    request.timeline.onFirstToken = onFirstToken;
  }

  models(): readonly ModelInfo[] {
    return listModels(this.#state);
  }

  catalog(): readonly CatalogModel[] {
    return catalogOf(this.#state, this.#options.clock, this.#startedAt);
  }

  async props(name: string | undefined, client: Client | undefined, signal: AbortSignal): Promise<JsonObject> {
    const model = route(this.#state, name);
    if (model instanceof ModeldError) throw model;
    const forbidden = client && modelForbidden(client, model, name);
    if (forbidden !== undefined) throw forbidden;
    const instance = model.instances.find(({ isReady }) => isReady);
    const link = instance === undefined ? undefined : this.#links.get(instance.server.id);
    if (instance === undefined || link === undefined) {
      throw new ModeldError("loading", `model is not loaded: ${model.id}`, { retryAfterSeconds: 5 });
    }
    return await link.server.props(instance.server.isRouter ? instance.id : undefined, signal);
  }

  status(): Status {
    return buildStatus(this.#state, this.#options.clock, this.#startedAt);
  }

  queuePlaces(): readonly QueuePlace[] {
    return queuePlacesOf(this.#state, this.#options.clock.now());
  }

  readiness(): Readiness {
    return readinessOf(this.#state, this.#options.clock.now());
  }

  start(): void {
    this.#started = true;
    for (const link of this.#links.values()) link.start();
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
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    await Promise.all(this.#closing);
  }

  /** Adds a server, and owns its connection from then on. One of the same name that is being removed stays instead. */
  add({ name, url, connection, terms: memory = this.#options.terms }: FleetServer): void {
    const { clock, random, terms: fleetTerms } = this.#options;
    const serverTerms = (): ServerTerms => {
      const { maxInflight, idleUnload, drainTimeout, defaultModel } = fleetTerms();
      const { vramBudgetMb, vramMarginMb } = memory();
      return { maxInflight, idleUnload, drainTimeout, defaultModel, vramBudgetMb, vramMarginMb };
    };
    const server = new Server({
      id: name,
      url,
      terms: serverTerms,
      random,
      send: (command) => this.#state.commands.push(command),
    });
    if (this.#links.has(name)) {
      connection.close();
    } else {
      const link = new ServerLink({
        id: name,
        server: connection,
        files: this.#files,
        clock,
        random,
        report: (event: ServerEvent) => this.#step({ is: "server", server: name, event }),
        isUrgent: () => server.isUnsettled,
      });
      this.#links.set(name, link);
      if (this.#started) link.start();
    }
    this.#step({ is: "add_server", server });
  }

  /** Removes a server: it gets nothing new, what runs there goes on, and then its connection is closed. */
  remove(name: string): void {
    this.#step({ is: "remove_server", server: name });
  }

  /** Says why there are no servers, for as long as there are none. Without it none is configured. */
  explainAbsence(error: ModeldError): void {
    this.#step({ is: "explain_absence", error });
  }

  #release(name: string): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    this.#links.delete(name);
    const closed: Promise<void> = link.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #step(event: Event): void {
    for (const command of step(this.#state, event, this.#options.clock.now())) this.#execute(command);
    if (this.#state.lifecycle !== "closed") this.#deadline.moveTo(nextDeadline(this.#state));
  }

  #execute(command: Command): void {
    switch (command.do) {
      case "start":
      case "reject":
        command.request.onTurn?.();
        return;
      case "abort":
        command.request.onAbort?.(command.reason);
        return;
      case "stage":
        if (command.request.timeline.stage !== command.stage) command.request.timeline.enter(command.stage);
        return;
      case "release":
        return this.#release(command.server);
      case "emit":
        return this.#emit(command.server, command.change);
      default:
        this.#links.get(command.server)?.execute(command);
    }
  }

  #emit(server: string, change: LifecycleChange): void {
    logLifecycle(server, change, this.#state.servers.get(server)?.lastError !== undefined);
    const time = new Date(this.#options.clock.wallTime()).toISOString();
    this.#options.onEvent?.({ ...change, server, time });
  }
}

function requestEnding(ending: Ending): RequestEnding {
  return ending.kind === "completed"
    ? { kind: "completed", timings: answerTimings(ending.completion.timings) }
    : ending;
}

/** An exception of modeld's own says nothing about the server. */
function failure(error: unknown): RequestEnding {
  return error instanceof ModeldError ? { kind: "failed", error } : { kind: "cancelled" };
}
