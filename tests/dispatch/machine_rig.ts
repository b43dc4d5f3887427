import { assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import type { ServerModelState } from "../../src/llama/llama_server.ts";
import type { LifecycleChange } from "../../src/upstream/lifecycle.ts";
import type { KnownModel } from "../../src/upstream/model.ts";
import type { Ending, Event } from "../../src/dispatch/events.ts";
import type { Instance } from "../../src/upstream/instance.ts";
import { step } from "../../src/dispatch/machine.ts";
import { initialState, type Limits, type ManagerState } from "../../src/dispatch/state.ts";
import { Ticket } from "../../src/dispatch/request.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** What a test says of a model of the server's list. */
export interface Listed {
  readonly state?: ServerModelState;
  readonly sizeMb?: number;
  readonly reason?: string;
}

/** A state machine, open, in front of a router that the test plays. */
export class MachineRig {
  readonly state: ManagerState;
  /** What it has ordered, in order, such as `load a`. */
  readonly orders: string[] = [];
  readonly told: LifecycleChange[] = [];
  readonly warnings: string[] = [];
  readonly started: Ticket[] = [];
  now = 0;
  readonly #maxInstances: number;
  readonly #models = new Map<string, KnownModel>();

  /** A machine whose server has not been looked at. */
  static unseen(models: Readonly<Record<string, Listed>>, limits: Partial<Limits> = {}): MachineRig {
    return new MachineRig(models, limits, 0, false);
  }

  constructor(models: Readonly<Record<string, Listed>>, limits: Partial<Limits> = {}, maxInstances = 0, seen = true) {
    this.#maxInstances = maxInstances;
    this.state = initialState({
      maxQueueDepth: 32,
      maxWait: 30_000,
      maxInflight: 0,
      vramBudgetMb: 0,
      vramMarginMb: 0,
      idleUnload: 0,
      drainTimeout: 2_000,
      ...limits,
    }, () => 0);
    this.step({ is: "open" });
    for (const [id, listed] of Object.entries(models)) this.list(id, listed);
    if (seen) this.look();
  }

  step(event: Event): void {
    for (const command of step(this.state, event, this.now)) {
      if (command.do === "load" || command.do === "unload") this.orders.push(`${command.do} ${command.model}`);
      if (command.do === "start") this.started.push(command.ticket);
      if (command.do === "tell") this.told.push(command.change);
      if (command.do === "warn") this.warnings.push(command.message);
    }
  }

  /** Changes what the server says of a model; seen with the next look. */
  list(id: string, { state = "unloaded", sizeMb, reason }: Listed): void {
    const before = this.#models.get(id)?.sizeBytes;
    const sizeBytes = sizeMb === undefined ? before : sizeMb * 2 ** 20;
    this.#models.set(id, {
      id,
      aliases: [],
      state,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(reason !== undefined && { reason }),
    });
  }

  /** Removes a model from the server's list. */
  unlist(id: string): void {
    this.#models.delete(id);
  }

  /** Lets the server be looked at, a millisecond from now or when it was asked. */
  look(askedAt = ++this.now): void {
    const description = { kind: "router", maxInstances: this.#maxInstances } as const;
    this.step({ is: "seen", sighting: { askedAt, description, health: "ready", models: [...this.#models.values()] } });
  }

  /** Accepts the last order and lets it have its effect. */
  obey(effect: ServerModelState, reason?: string): void {
    this.accept();
    this.become(this.#ordered(), effect, reason);
  }

  /** Accepts the last order, which takes its time. */
  accept(): void {
    this.step({ is: "accepted", model: this.#ordered() });
  }

  become(id: string, state: ServerModelState, reason?: string): void {
    this.list(id, { state, ...(reason !== undefined && { reason }) });
    this.look();
  }

  capacity(model: string, slots: number): void {
    this.step({ is: "capacity", model, slots });
  }

  pass(ms: number): void {
    this.now += ms;
    this.step({ is: "tick" });
  }

  arrive(model: string): Ticket {
    const ticket = new Ticket(model, new Timeline("request", new FakeClock()));
    this.step({ is: "arrive", ticket });
    return ticket;
  }

  finish(ticket: Ticket, ending: Ending = { kind: "completed" }): void {
    assertEquals(ticket.phase, "running");
    this.step({ is: "finish", ticket, ending });
  }

  instance(id: string): Instance {
    const instance = this.state.instances.get(id);
    if (instance === undefined) throw new Error(`no instance ${id}`);
    return instance;
  }

  /** The model is loaded for a request that is then served. */
  serve(id: string): void {
    const ticket = this.arrive(id);
    if (ticket.phase === "waiting") this.obey("loaded");
    this.finish(ticket);
  }

  #ordered(): string {
    return this.orders.at(-1)?.split(" ")[1] ?? "";
  }
}

/** How requests stand: `waiting`, `running`, `ended`, or why they were refused. */
export function standing(...tickets: readonly Ticket[]): readonly string[] {
  return tickets.map((ticket) => ticket.refusal?.kind ?? ticket.phase);
}

/** llama-server is gone. */
export function unreachable(): ModeldError {
  return new ModeldError("unreachable", "connection refused");
}
