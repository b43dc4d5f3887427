import { assert, assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import type { Command } from "../../src/dispatch/commands.ts";
import type { Ending, Event, Sighting } from "../../src/dispatch/events.ts";
import type { Instance } from "../../src/upstream/instance.ts";
import { nextDeadline, step } from "../../src/dispatch/machine.ts";
import {
  freeSlots,
  initialState,
  type Limits,
  type ManagerState,
  queueDepth,
  slotsOf,
} from "../../src/dispatch/state.ts";
import { Ticket } from "../../src/dispatch/request.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Action, ENDINGS } from "./actions.ts";
import { SimulatedRouter } from "./simulated_router.ts";

/** The server that is simulated, and the limits of the manager before it. */
export interface SimulationOptions {
  readonly kind: "router" | "single";
  readonly limits: Limits;
  readonly maxInstances: number;
  readonly sizesMb: readonly number[];
  /** Whether the server is seen before anything else happens. */
  readonly seen: boolean;
}

/** A manager's state machine beside a simulated server; checks after each step what must always hold. */
export class Simulation {
  readonly state: ManagerState;
  readonly #options: SimulationOptions;
  readonly #router: SimulatedRouter;
  readonly #timeline = new Timeline("request", new FakeClock());
  /** Requests that have not ended, as the test knows them. */
  readonly #live = new Set<Ticket>();
  /** Those of them that hold a slot. */
  readonly #running = new Set<Ticket>();
  readonly #looks: Sighting[] = [];
  #now = 0;
  #refusedForMemory = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#router = new SimulatedRouter(options.sizesMb);
    this.state = initialState(options.limits, () => 0.5);
    this.#step({ is: "open" });
    if (options.seen) this.#look();
  }

  /** Lets one thing happen, if it can. */
  act(action: Action, which: number, how: number): void {
    switch (action) {
      case "arrive":
        return this.#arrive(which);
      case "leave":
        return this.#leave(pick(this.#live, which));
      case "finish":
        return this.#finish(pick(this.#running, which), ENDINGS[how % ENDINGS.length]);
      case "postpone":
        return this.#postpone(pick(this.#running, which));
      case "answer_order":
        return this.#answerOrder(which, how);
      case "answer_capacity":
        return this.#answerCapacity(how % 4 === 0 ? undefined : how);
      case "progress":
        return this.#router.progress(`m${which}`, how % 4 === 0);
      case "crash":
        return this.#router.crash(`m${which}`);
      case "relist":
        return this.#relist(`m${which}`);
      case "ask":
        return void this.#looks.push(this.#sighting(how));
      case "answer_look":
        return this.#answerLook();
      case "pass_time":
        return this.#passTime([1, 10, 100, 500, 1_000, 3_000, 10_000, 100_000][how] ?? 1);
      case "warm":
        return this.#step({ is: "warming", askedAt: this.#now });
      case "lose":
        if (how === 0) this.#step({ is: "lost", error: new ModeldError("unreachable", "connection refused") });
        return;
      case "drain":
        if (how === 0 && which === 0) this.#step({ is: "drain" });
        return;
    }
  }

  /**
   * From now on everything goes well and nobody new comes: everybody must be served or refused, without any help from
   * max-wait.
   */
  settle(): void {
    for (let round = 0; round < 60 && this.#live.size > 0; round++) {
      this.#now += 10_000;
      for (let left = this.#router.orders.length; left > 0; left--) this.#answerOrder(0, 1);
      for (const id of this.#router.models.keys()) this.#router.progress(id, false);
      this.#looks.length = 0;
      this.#now += 1;
      this.#look();
      while (this.#router.capacityQuestions.length > 0) this.#answerCapacity(2);
      for (const ticket of [...this.#running]) this.#finish(ticket, { kind: "completed" });
    }
    assertEquals(this.#live.size, 0, "somebody waits for ever");
  }

  /** Shuts down, ends what is in flight, and checks that nothing is left. */
  close(): void {
    this.#step({ is: "close" });
    for (const ticket of [...this.#live]) assert(this.#running.has(ticket), "somebody still waits after the end");
    for (const ticket of [...this.#running]) this.#finish(ticket, { kind: "cancelled" });
    assertEquals(this.#live.size, 0);
    for (const instance of this.state.instances.values()) {
      assertEquals([instance.running, instance.waiting.length], [0, 0], "counters are not back at zero");
    }
  }

  get refusedForMemory(): number {
    return this.#refusedForMemory;
  }

  #arrive(which: number): void {
    const ids = [...this.#router.models.keys()];
    const ticket = new Ticket(which === 7 ? "nobody" : ids[which % ids.length], this.#timeline);
    this.#live.add(ticket);
    this.#step({ is: "arrive", ticket });
    if (ticket.phase !== "waiting") return;
    const { instance } = ticket;
    const depth = instance === undefined ? this.state.unrouted.length - 1 : queueDepth(this.state, instance);
    assert(depth <= this.#options.limits.maxQueueDepth, "the queue is too deep");
  }

  #leave(ticket: Ticket | undefined): void {
    if (ticket === undefined) return;
    const waited = ticket.phase === "waiting";
    this.#step({ is: "leave", ticket });
    if (waited) this.#end(ticket);
  }

  #finish(ticket: Ticket | undefined, ending: Ending | undefined): void {
    if (ticket === undefined || ending === undefined) return;
    this.#running.delete(ticket);
    this.#end(ticket);
    this.#step({ is: "finish", ticket, ending });
    const before = ticket.instance?.running;
    this.#step({ is: "leave", ticket });
    this.#step({ is: "finish", ticket, ending });
    this.#step({ is: "postponed", ticket });
    assertEquals(ticket.instance?.running, before, "a request that has ended was ended again");
  }

  #postpone(ticket: Ticket | undefined): void {
    if (ticket?.instance === undefined) return;
    const { instance } = ticket;
    const depth = queueDepth(this.state, instance);
    // A server that came back with fewer slots has more in flight than it can take.
    const fitted = instance.running <= slotsOf(this.state, instance);
    this.#running.delete(ticket);
    this.#step({ is: "postponed", ticket });
    if (fitted) assert(queueDepth(this.state, instance) <= depth, "a request that was put back made the queue deeper");
  }

  #answerOrder(which: number, how: number): void {
    const { orders } = this.#router;
    const [order] = orders.splice(which % Math.max(1, orders.length), 1);
    if (order === undefined) return;
    if (how === 0) {
      this.#step({ is: "refused", model: order.model, error: new ModeldError("upstream_error", "no") });
    } else {
      this.#router.accept(order);
      this.#step({ is: "accepted", model: order.model });
    }
  }

  #relist(id: string): void {
    this.#router.relist(id);
    // Whatever it was asked for, the server does not know it any more, and says so at once.
    for (let at; (at = this.#router.orders.findIndex(({ model }) => model === id)) >= 0;) this.#answerOrder(at, 0);
  }

  #answerCapacity(slots: number | undefined): void {
    const model = this.#router.capacityQuestions.shift();
    if (model !== undefined) this.#step({ is: "capacity", model, slots });
  }

  #look(): void {
    this.#looks.push(this.#sighting(1));
    this.#answerLook();
  }

  #sighting(how: number): Sighting {
    const { kind, maxInstances } = this.#options;
    return {
      askedAt: this.#now,
      description: kind === "router" ? { kind, maxInstances } : { kind },
      health: how === 0 && kind === "single" ? "loading" : "ready",
      models: this.#router.list(),
    };
  }

  #answerLook(): void {
    const sighting = this.#looks.shift();
    if (sighting !== undefined) this.#step({ is: "seen", sighting });
  }

  #passTime(ms: number): void {
    this.#now += ms;
    this.#step({ is: "tick" });
    assert(nextDeadline(this.state) > this.#now, "a deadline that has passed is still to come");
    for (const ticket of this.#live) {
      if (ticket.phase === "waiting") assert(ticket.deadline > this.#now, "somebody waits longer than max-wait");
    }
  }

  #step(event: Event): void {
    const commands = step(this.state, event, this.#now);
    for (const command of commands) this.#obey(command, commands);
    for (const instance of this.state.instances.values()) this.#check(instance);
  }

  #obey(command: Command, all: readonly Command[]): void {
    switch (command.do) {
      case "start":
        return this.#started(command.ticket, all);
      case "reject":
        assert(command.ticket.refusal !== undefined, "refused without a reason");
        if (command.ticket.refusal.kind === "insufficient_vram") this.#refusedForMemory++;
        return this.#end(command.ticket);
      case "load":
      case "unload":
        assert(this.#options.kind === "router", "only a router loads and unloads");
        assert(!this.#router.orders.some(({ model }) => model === command.model), "two orders for one model at once");
        this.#router.orders.push({ action: command.do, model: command.model });
        if (command.do === "load") this.#checkBudget();
        else this.#checkVictim(command.model);
        return;
      case "ask_capacity":
        this.#router.capacityQuestions.push(command.model);
        return;
    }
  }

  #started(ticket: Ticket, all: readonly Command[]): void {
    assert(this.#live.has(ticket), "a request was started that has ended");
    assert(!this.#running.has(ticket), "a request was started twice");
    this.#running.add(ticket);
    const { instance } = ticket;
    assert(instance !== undefined);
    assert(this.state.server.is === "found", "a request was started on a lost server");
    assert(instance.running <= slotsOf(this.state, instance), "more requests in flight than slots");
    const overtaken = instance.waiting.some((other) => other.sequence < ticket.sequence);
    assert(!overtaken, `first come first served: ${all.length}`);
  }

  #end(ticket: Ticket): void {
    assert(this.#live.delete(ticket), "a request ended twice");
    assert(!this.#running.has(ticket), "a request was refused while it held a slot");
  }

  /** Counts what the server itself holds, and what it has been asked to load. */
  #checkBudget(): void {
    const { limits: { vramBudgetMb, vramMarginMb }, maxInstances } = this.#options;
    const held = this.#router.held();
    const heldMb = held.reduce((sum, mb) => sum + mb, 0);
    if (vramBudgetMb > 0) assert(heldMb + vramMarginMb <= vramBudgetMb, "the budget is exceeded");
    if (maxInstances > 0) assert(held.length <= maxInstances, "the router would have to evict");
  }

  #checkVictim(model: string): void {
    const instance = this.state.instances.get(model);
    assert(instance !== undefined && !instance.busy, "a busy model is unloaded");
  }

  #check(instance: Instance): void {
    assert(instance.running >= 0, "a counter is negative");
    const holders = [...this.#running].filter((ticket) => ticket.instance === instance).length;
    assertEquals(instance.running, holders, "slots held and requests in flight differ");
    if (instance.waiting.length === 0) return;
    assert(instance.listed, "somebody waits for a model that is not listed");
    assert(this.state.lifecycle === "open" && this.state.server.is === "found", "somebody waits for nothing");
    assert(instance.state !== "error", "somebody waits for a model that failed");
    assert(instance.state !== "ready" || freeSlots(this.state, instance) === 0, "a slot is free and somebody waits");
  }
}

function pick<T>(set: ReadonlySet<T>, which: number): T | undefined {
  return [...set][which % Math.max(1, set.size)];
}
