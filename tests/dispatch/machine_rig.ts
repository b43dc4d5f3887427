import { assertEquals } from "@std/assert";
import type { Client } from "../../src/base/client.ts";
import { ModeldError } from "../../src/base/errors.ts";
import { type Stage, Timeline } from "../../src/base/timeline.ts";
import type { Fingerprint } from "../../src/dispatch/affinity/fingerprint.ts";
import type { RequestEnding } from "../../src/dispatch/events.ts";
import { step } from "../../src/dispatch/machine.ts";
import type { Model } from "../../src/dispatch/models.ts";
import { QueuedRequest } from "../../src/dispatch/request.ts";
import { type FleetState, initialState, type Terms } from "../../src/dispatch/state.ts";
import type { ServerModelState } from "../../src/llama/llama_server.ts";
import type { Event } from "../../src/dispatch/events.ts";
import type { Instance } from "../../src/upstream/instance.ts";
import type { LifecycleChange, ServerEvent } from "../../src/upstream/lifecycle.ts";
import type { KnownModel } from "../../src/upstream/model.ts";
import { Server } from "../../src/upstream/server.ts";
import { ANYBODY, TERMS } from "./dispatcher_rig.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** What a test says of a model of a server's list. */
export interface Listed {
  readonly state?: ServerModelState;
  readonly sizeMb?: number;
  readonly reason?: string;
  readonly aliases?: readonly string[];
}

/** What else a test says of a request. */
export interface Arriving {
  readonly isWhole?: boolean;
  readonly prompt?: Fingerprint;
  /** What its timeline has entered before, when the timeline's own clock stood at 0. */
  readonly stage?: Stage;
}

/** What a test says of the terms and the servers. */
export interface RigOptions extends Partial<Terms> {
  /** How many models each server keeps loaded; 0: no limit. */
  readonly maxInstances?: number;
  /** Names of the servers; each has the same models at first. */
  readonly servers?: readonly string[];
  /** Whether the servers are seen before anything else happens. */
  readonly seen?: boolean;
}

/** The state machine, open, in front of routers that the test plays. Methods without a server's name mean the first. */
export class MachineRig {
  readonly state: FleetState;
  /** What it has ordered, in order, such as `load a`; of a second server `load a@s2`. */
  readonly orders: string[] = [];
  readonly emitted: LifecycleChange[] = [];
  readonly warnings: string[] = [];
  readonly started: QueuedRequest[] = [];
  readonly aborted: QueuedRequest[] = [];
  /** Servers that were removed and on which nothing runs any more. */
  readonly released: string[] = [];
  now = 0;
  readonly #maxInstances: number;
  readonly #first: string;
  /** What each server has in its list. */
  readonly #models = new Map<string, Map<string, KnownModel>>();

  constructor(models: Readonly<Record<string, Listed>>, options: RigOptions = {}) {
    const { maxInstances = 0, servers = ["s1"], seen = true, ...terms } = options;
    const present = { ...TERMS, ...terms };
    this.#maxInstances = maxInstances;
    this.#first = servers[0] ?? "";
    this.state = initialState(() => present, () => 0);
    for (const id of servers) this.add(id, models);
    this.step({ is: "open" });
    if (seen) { for (const id of servers) this.poll(id); }
  }

  /** Adds a server that has these models; it is seen with the next poll. */
  add(id: string, models: Readonly<Record<string, Listed>>): void {
    this.#models.set(id, new Map());
    const server = new Server({
      id,
      url: `http://${id}`,
      terms: this.state.terms,
      random: this.state.random,
      send: (command) => this.state.commands.push(command),
    });
    this.step({ is: "add_server", server });
    for (const [model, listed] of Object.entries(models)) this.list(model, listed, id);
  }

  step(event: Event): void {
    for (const command of step(this.state, event, this.now)) {
      switch (command.do) {
        case "load":
        case "unload": {
          const where = command.server === this.#first ? "" : `@${command.server}`;
          this.orders.push(`${command.do} ${command.model}${where}`);
          break;
        }
        case "start":
          this.started.push(command.request);
          break;
        case "abort":
          this.aborted.push(command.request);
          break;
        case "release":
          this.released.push(command.server);
          break;
        case "emit":
          this.emitted.push(command.change);
          break;
        case "warn":
          this.warnings.push(command.message);
      }
    }
  }

  server(event: ServerEvent, server = this.#first): void {
    this.step({ is: "server", server, event });
  }

  /** Changes what the server says of a model; seen with the next poll. */
  list(id: string, { state = "unloaded", sizeMb, reason, aliases = [] }: Listed, server = this.#first): void {
    const models = this.#listOf(server);
    const before = models.get(id)?.sizeBytes;
    const sizeBytes = sizeMb === undefined ? before : sizeMb * 2 ** 20;
    models.set(id, {
      id,
      aliases,
      state,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(reason !== undefined && { reason }),
    });
  }

  /** Removes a model from the server's list. */
  unlist(id: string, server = this.#first): void {
    this.#listOf(server).delete(id);
  }

  /** Lets the server be polled, a millisecond from now or when it was asked. */
  poll(server = this.#first, askedAt = ++this.now): void {
    const description = { kind: "router", maxInstances: this.#maxInstances } as const;
    const models = [...this.#listOf(server).values()];
    this.server({ is: "seen", snapshot: { askedAt, description, health: "ready", models } }, server);
  }

  lose(server = this.#first, error = unreachable()): void {
    this.server({ is: "lost", error }, server);
  }

  /** Accepts the last order and lets it have its effect. */
  obey(effect: ServerModelState, reason?: string): void {
    const { model, server } = this.#ordered();
    this.accept();
    this.become(model, effect, reason, server);
  }

  /** Accepts the last order, which takes its time. */
  accept(): void {
    const { model, server } = this.#ordered();
    this.server({ is: "accepted", model }, server);
  }

  become(id: string, state: ServerModelState, reason?: string, server = this.#first): void {
    this.list(id, { state, ...(reason !== undefined && { reason }) }, server);
    this.poll(server);
  }

  capacity(model: string, slots: number, server = this.#first): void {
    this.server({ is: "capacity", model, slots }, server);
  }

  pass(ms: number): void {
    this.now += ms;
    this.step({ is: "tick" });
  }

  busy(model: string, slots: number | undefined, server = this.#first): void {
    this.server({ is: "busy", model, slots }, server);
  }

  arrive(model: string, slots = 1, client: Client = ANYBODY, more: Arriving = {}): QueuedRequest {
    const timeline = new Timeline("request", new FakeClock());
    if (more.stage !== undefined) timeline.enter(more.stage);
    const request = new QueuedRequest(model, { timeline, client, priority: client.priority }, slots, more.isWhole);
    request.prompt = more.prompt;
    this.step({ is: "arrive", request });
    return request;
  }

  leave(request: QueuedRequest): void {
    this.step({ is: "leave", request });
  }

  finish(request: QueuedRequest, ending: RequestEnding = { kind: "completed" }): void {
    assertEquals(request.phase, "running");
    this.step({ is: "finish", request, ending });
  }

  notBegun(request: QueuedRequest, error = new ModeldError("loading", "Loading model")): void {
    this.step({ is: "not_begun", request, error });
  }

  model(id: string): Model {
    const model = this.state.models.get(id);
    if (model === undefined) throw new Error(`no model ${id}`);
    return model;
  }

  instance(id: string, server = this.#first): Instance {
    const instance = this.state.servers.get(server)?.instances.get(id);
    if (instance === undefined) throw new Error(`no instance ${id}`);
    return instance;
  }

  /** The states of the first server's models, in order. */
  get states(): readonly string[] {
    return [...this.state.servers.get(this.#first)?.instances.values() ?? []].map(({ state }) => state);
  }

  /** The model is loaded for a request that is then served. */
  serve(id: string): void {
    const request = this.arrive(id);
    if (request.phase === "waiting") this.obey("loaded");
    this.finish(request);
  }

  #ordered(): { readonly model: string; readonly server: string } {
    const [model = "", server = this.#first] = (this.orders.at(-1)?.split(" ")[1] ?? "").split("@");
    return { model, server };
  }

  #listOf(server: string): Map<string, KnownModel> {
    const models = this.#models.get(server);
    if (models === undefined) throw new Error(`no server ${server}`);
    return models;
  }
}

/** How requests stand: `waiting`, `running`, `ended`, or why they were refused. */
export function standing(...requests: readonly QueuedRequest[]): readonly string[] {
  return requests.map((request) => request.refusal?.kind ?? request.phase);
}

/** Nobody listens at llama-server's address. */
export function unreachable(): ModeldError {
  return new ModeldError("unreachable", "connection refused", { isRefusal: true });
}
