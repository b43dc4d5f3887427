import { assert, assertEquals } from "@std/assert";
import type { Client } from "../../src/base/client.ts";
import { ModeldError } from "../../src/base/errors.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { Fingerprint } from "../../src/dispatch/affinity/fingerprint.ts";
import type { Command } from "../../src/dispatch/commands.ts";
import type { Event, RequestEnding } from "../../src/dispatch/events.ts";
import { nextDeadline, step } from "../../src/dispatch/machine.ts";
import type { Model } from "../../src/dispatch/models.ts";
import { QueuedRequest } from "../../src/dispatch/request.ts";
import { type FleetState, initialState, type Terms } from "../../src/dispatch/state.ts";
import type { Instance } from "../../src/upstream/instance.ts";
import type { ServerEvent, Snapshot } from "../../src/upstream/lifecycle.ts";
import { Server } from "../../src/upstream/server.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type Action, ENDINGS } from "./actions.ts";
import { ANYBODY } from "./dispatcher_rig.ts";
import { SimulatedRouter } from "./simulated_router.ts";

/** The servers that are simulated, and the terms of the fleet. */
export interface SimulationOptions {
  /** Mixed: every other one is a router. */
  readonly kind: "router" | "single" | "mixed";
  readonly servers: number;
  readonly terms: Terms;
  readonly maxInstances: number;
  readonly sizesMb: readonly number[];
  /** Whether the servers are seen before anything else happens. */
  readonly seen: boolean;
}

/** Clients of different weights, classes and limits. */
const CLIENTS: readonly Client[] = [
  ANYBODY,
  { ...ANYBODY, name: "chat", weight: 4, priority: "interactive" },
  { ...ANYBODY, name: "batch", priority: "batch", maxInflight: 1 },
  { ...ANYBODY, name: "few", maxQueue: 2 },
];

/** Prompts that continue each other, and none. */
const PROMPTS = [undefined, "a", "ab", "abc"].map((text) => {
  if (text === undefined) return undefined;
  const bytes = new TextEncoder().encode([...text].map((letter) => letter.repeat(2_000)).join(""));
  return new Fingerprint([{ bytes, start: 0, end: bytes.length }]);
});

/** In how many rounds so many who wait must have been served: there may be one slot, and models that take turns. */
const roundsFor = (waiting: number): number => 60 + 6 * waiting;

/** One simulated server, and the polls of it that have yet to be answered. */
interface Simulated {
  readonly id: string;
  readonly kind: "router" | "single";
  readonly router: SimulatedRouter;
  readonly polls: Snapshot[];
}

/** A fleet's state machine beside simulated servers; checks after each step what must always hold. */
export class Simulation {
  readonly state: FleetState;
  readonly #options: SimulationOptions;
  readonly #servers: readonly Simulated[];
  readonly #timeline = new Timeline("request", new FakeClock());
  /** Requests that have not ended, as the test knows them. */
  readonly #live = new Set<QueuedRequest>();
  /** Those of them that hold slots. */
  readonly #running = new Set<QueuedRequest>();
  #now = 0;
  #refusedForMemory = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.state = initialState(() => options.terms, () => 0.5);
    this.#servers = Array.from({ length: options.servers }, (_, index) => ({
      id: `s${index}`,
      kind: options.kind === "mixed" ? index % 2 === 0 ? "router" : "single" : options.kind,
      router: new SimulatedRouter(options.sizesMb),
      polls: [],
    }));
    for (const { id } of this.#servers) this.#add(id);
    this.#step({ is: "open" });
    if (options.seen) { for (const server of this.#servers) this.#poll(server); }
  }

  /** Lets one thing happen, if it can. */
  act(action: Action, which: number, how: number, where: number): void {
    const server = this.#servers[where % this.#servers.length];
    assert(server !== undefined);
    const { router } = server;
    switch (action) {
      case "arrive":
        return this.#arrive(which, how);
      case "leave":
        return this.#leave(pick(this.#live, which));
      case "accept":
        return this.#accept(pick(this.#running, which));
      case "finish":
        return this.#finish(pick(this.#running, which), ENDINGS[how % ENDINGS.length]);
      case "not_begun":
        return this.#notBegun(pick(this.#running, which), how);
      case "answer_order":
        return this.#answerOrder(server, which, how);
      case "answer_capacity":
        this.#answerBusy(server, how % 4 === 0 ? undefined : how % 3);
        return this.#answerCapacity(server, how % 4 === 0 ? undefined : how);
      case "progress":
        return router.progress(`m${which}`, how % 4 === 0);
      case "crash":
        return router.crash(`m${which}`);
      case "relist":
        return this.#relist(server, `m${which}`);
      case "ask":
        return void server.polls.push(this.#snapshot(server, how));
      case "answer_poll":
        return this.#answerPoll(server);
      case "pass_time":
        return this.#passTime([1, 10, 100, 500, 1_000, 3_000, 10_000, 100_000][how] ?? 1);
      case "warm":
        return this.#server(server, { is: "warming", askedAt: this.#now });
      case "lose":
        if (how === 0) this.#server(server, { is: "lost", error: new ModeldError("unreachable", "refused") });
        return;
      case "remove":
        return this.#removeOrAdd(server, how);
      case "drain":
        if (how === 0 && which === 0) this.#step({ is: "drain" });
        return;
    }
  }

  /**
   * From now on everything goes well: everybody must be served or refused, without any help from max-wait, though new
   * requests come all the time. At last nobody new comes, and nobody may be left.
   *
   * @param underLoad whether new requests come; where classes do not age, they are of the lowest, which may wait for ever
   */
  settle(underLoad: boolean): void {
    const first = new Set(this.#live);
    const rounds = underLoad ? roundsFor(first.size) : 0;
    for (let round = 0; round < rounds && !first.isDisjointFrom(this.#live); round++) {
      const client = this.#options.terms.priorityAgeing > 0 ? CLIENTS[round % CLIENTS.length] : CLIENTS[2];
      for (let i = 0; i < 3; i++) this.#arrive(round, round + i, client);
      this.#goOn();
    }
    if (underLoad) assert(first.isDisjointFrom(this.#live), "somebody starves while others are served");
    for (let left = roundsFor(this.#live.size); left > 0 && this.#live.size > 0; left--) this.#goOn();
    assertEquals(this.#live.size, 0, "somebody waits for ever");
  }

  /** Lets all that was asked of the servers have its effect, and ends all that runs. */
  #goOn(): void {
    this.#passTime(10_000);
    for (const server of this.#servers) {
      for (let left = server.router.orders.length; left > 0; left--) this.#answerOrder(server, 0, 1);
      for (const id of server.router.models.keys()) server.router.progress(id, false);
      server.polls.length = 0;
      this.#now += 1;
      this.#poll(server);
      while (server.router.capacityQuestions.length > 0) this.#answerCapacity(server, 2);
      while (server.router.busyQuestions.length > 0) this.#answerBusy(server, 0);
    }
    for (const request of [...this.#running]) this.#finish(request, ENDINGS[0]);
  }

  /** Shuts down, ends what is in flight, and checks that nothing is left. */
  close(): void {
    this.#step({ is: "close" });
    for (const request of this.#live) assert(this.#running.has(request), "somebody still waits after the end");
    for (const request of [...this.#running]) this.#finish(request, { kind: "cancelled" });
    assertEquals(this.#live.size, 0);
    for (const server of this.state.servers.values()) {
      assertEquals([server.leased, server.running], [0, 0], "slots are still leased");
    }
    for (const { waiting } of this.state.models.values()) assertEquals(waiting, 0, "requests are still queued");
    assertEquals([this.state.running.first, this.state.growing.first], [undefined, undefined]);
  }

  get refusedForMemory(): number {
    return this.#refusedForMemory;
  }

  #add(id: string): void {
    const server = new Server({
      id,
      url: `http://${id}`,
      terms: this.state.terms,
      random: this.state.random,
      send: (command) => this.state.commands.push(command),
    });
    this.#step({ is: "add_server", server });
  }

  #removeOrAdd({ id, polls, router }: Simulated, how: number): void {
    if (!this.state.servers.has(id)) {
      polls.length = 0;
      router.orders.length = 0;
      router.capacityQuestions.length = 0;
      router.busyQuestions.length = 0;
      this.#add(id);
    } else if (how === 0) {
      this.#step({ is: "remove_server", server: id });
    }
  }

  #arrive(which: number, how: number, client = CLIENTS[which % CLIENTS.length] ?? ANYBODY): void {
    const ids = [...this.#servers[0]?.router.models.keys() ?? []];
    const name = which === 7 ? "nobody" : ids[which % ids.length];
    const context = { timeline: this.#timeline, client, priority: client.priority };
    const request = new QueuedRequest(name, context, [0, 1, 1, 1, 1, 1, 1, 3][how % 8], how % 2 === 1);
    request.prompt = PROMPTS[(which + how) % PROMPTS.length];
    this.#live.add(request);
    // Requests that were put back may have made it deeper than it may grow.
    const before = Math.max(0, ...[...this.state.models.values()].map(({ depth }) => depth));
    this.#step({ is: "arrive", request });
    if (request.phase !== "waiting") return;
    const { model } = request;
    if (request.isCall) return;
    const depth = model === undefined ? this.state.unrouted.length - 1 : model.depth;
    assert(depth <= Math.max(before, this.#options.terms.maxQueueDepth), "the queue is too deep");
  }

  #leave(request: QueuedRequest | undefined): void {
    if (request === undefined) return;
    const waited = request.phase === "waiting";
    this.#step({ is: "leave", request });
    if (waited) this.#end(request);
  }

  #accept(request: QueuedRequest | undefined): void {
    if (request !== undefined) this.#step({ is: "accepted", request });
  }

  #finish(request: QueuedRequest | undefined, ending: RequestEnding | undefined): void {
    if (request === undefined || ending === undefined) return;
    this.#running.delete(request);
    this.#end(request);
    this.#step({ is: "finish", request, ending });
    const before = request.instance?.leased;
    this.#step({ is: "leave", request });
    this.#step({ is: "finish", request, ending });
    this.#step({ is: "not_begun", request, error: new ModeldError("loading", "Loading model") });
    assertEquals(request.instance?.leased, before, "a request that has ended was ended again");
  }

  #notBegun(request: QueuedRequest | undefined, how: number): void {
    if (request === undefined) return;
    this.#running.delete(request);
    const error = how % 3 === 0
      ? new ModeldError("unreachable", "no connection", { isRefusal: how % 2 === 0 })
      : new ModeldError("loading", "Loading model");
    this.#step({ is: "not_begun", request, error });
  }

  #answerOrder(server: Simulated, which: number, how: number): void {
    const { orders } = server.router;
    const [order] = orders.splice(which % Math.max(1, orders.length), 1);
    if (order === undefined) return;
    const { model } = order;
    if (how === 0) {
      this.#server(server, { is: "refused", model, error: new ModeldError("upstream_error", "no") });
    } else {
      server.router.accept(order);
      this.#server(server, { is: "accepted", model });
    }
  }

  #relist(server: Simulated, id: string): void {
    server.router.relist(id);
    const { orders } = server.router;
    // Whatever it was asked for, the server does not know it any more, and says so at once.
    for (let at; (at = orders.findIndex(({ model }) => model === id)) >= 0;) this.#answerOrder(server, at, 0);
  }

  #answerCapacity(server: Simulated, slots: number | undefined): void {
    const model = server.router.capacityQuestions.shift();
    if (model !== undefined) this.#server(server, { is: "capacity", model, slots });
  }

  #answerBusy(server: Simulated, slots: number | undefined): void {
    const model = server.router.busyQuestions.shift();
    if (model !== undefined) this.#server(server, { is: "busy", model, slots });
  }

  #poll(server: Simulated): void {
    server.polls.push(this.#snapshot(server, 1));
    this.#answerPoll(server);
  }

  #snapshot({ router, kind }: Simulated, how: number): Snapshot {
    const { maxInstances } = this.#options;
    return {
      askedAt: this.#now,
      description: kind === "router" ? { kind, maxInstances } : { kind },
      health: how === 0 && kind === "single" ? "loading" : "ready",
      models: router.list(),
    };
  }

  #answerPoll(server: Simulated): void {
    const snapshot = server.polls.shift();
    if (snapshot !== undefined) this.#server(server, { is: "seen", snapshot });
  }

  #passTime(ms: number): void {
    this.#now += ms;
    this.#step({ is: "tick" });
    assert(nextDeadline(this.state) > this.#now, "a deadline that has passed is still to come");
    for (const { phase, deadline, heldSince, client } of this.#live) {
      if (phase !== "waiting") continue;
      assert(deadline > this.#now, "somebody waits longer than max-wait");
      if (this.state.clients.mayStart(client) === 0) continue; // its own limit keeps it waiting
      const until = (heldSince ?? Infinity) + this.#options.terms.maxAffinityWait;
      assert(until > this.#now, "somebody keeps a slot free for longer than may be waited for a warm server");
    }
  }

  #server({ id }: Simulated, event: ServerEvent): void {
    this.#step({ is: "server", server: id, event });
  }

  #step(event: Event): void {
    const commands = step(this.state, event, this.#now);
    for (const command of commands) this.#obey(command);
    for (const server of this.state.servers.values()) {
      assert(server.leased >= 0, "a counter is negative");
      for (const instance of server.instances.values()) this.#checkInstance(instance);
    }
    for (const model of this.state.models.values()) this.#checkModel(model);
  }

  #obey(command: Command): void {
    switch (command.do) {
      case "start":
        return this.#started(command.request);
      case "reject":
        assert(command.request.refusal !== undefined, "refused without a reason");
        if (command.request.refusal.kind === "insufficient_vram") this.#refusedForMemory++;
        return this.#end(command.request);
      case "abort":
        return assert(this.#running.has(command.request), "a request that does not run was aborted");
      case "load":
      case "unload": {
        const { router, kind } = this.#simulated(command.server);
        assert(kind === "router", "only a router loads and unloads");
        assert(!router.orders.some(({ model }) => model === command.model), "two orders for one model at once");
        router.orders.push({ action: command.do, model: command.model });
        if (command.do === "load") this.#checkBudget(router);
        else this.#checkVictim(command.server, command.model);
        return;
      }
      case "ask_capacity":
        this.#simulated(command.server).router.capacityQuestions.push(command.model);
        return;
      case "ask_busy":
        this.#simulated(command.server).router.busyQuestions.push(command.model);
    }
  }

  #started(request: QueuedRequest): void {
    assert(this.#live.has(request), "a request was started that has ended");
    assert(!this.#running.has(request), "a request was started twice");
    this.#running.add(request);
    const { instance, model } = request;
    assert(instance !== undefined && model !== undefined);
    assert(instance.server.view.is === "found", "a request was started on a lost server");
    assert(!instance.server.isLeaving, "a request was started on a server that was removed");
    assert(instance.yieldsTo === undefined, "a request was started on a model that drains for another");
    assert(request.isCall || instance.leased <= instance.capacity, "more slots leased than there are");
    if (!request.isCall) this.#checkOrder(request, model);
  }

  /** A client's own requests of one class go in the order in which they came, but for those that wait for a retry or for a warm server. */
  #checkOrder(request: QueuedRequest, model: Model): void {
    for (const other of model.requests()) {
      const isBefore = !other.isCall && other.client === request.client && other.sequence < request.sequence;
      const mayBePassed = other.hasTried || (other.prompt !== undefined && this.#servers.length > 1);
      assert(!isBefore || mayBePassed, "first come first served");
    }
  }

  #end(request: QueuedRequest): void {
    assert(this.#live.delete(request), "a request ended twice");
    assert(!this.#running.has(request), "a request was refused while it held slots");
  }

  /** Counts what the server itself holds, and what it has been asked to load. */
  #checkBudget(router: SimulatedRouter): void {
    const { terms: { vramBudgetMb, vramMarginMb }, maxInstances } = this.#options;
    const held = router.held();
    const heldMb = held.reduce((sum, mb) => sum + mb, 0);
    if (vramBudgetMb > 0) assert(heldMb + vramMarginMb <= vramBudgetMb, "the budget is exceeded");
    if (maxInstances > 0) assert(held.length <= maxInstances, "the router would have to evict");
  }

  #checkVictim(server: string, model: string): void {
    const instance = this.state.servers.get(server)?.instances.get(model);
    assert(instance !== undefined && !instance.busy, "a busy model is unloaded");
  }

  #checkInstance(instance: Instance): void {
    const holders = [...this.#running].filter((request) => request.instance === instance);
    const held = holders.reduce((sum, { leased }) => sum + leased, 0);
    assertEquals(instance.leased, held, "slots leased and slots that requests hold differ");
    for (const { leased, isCall } of holders) assert(leased > 0 || isCall, "a request runs without a slot");
  }

  #checkModel(model: Model): void {
    if (model.waiting === 0) return;
    assert(this.state.lifecycle === "open", "somebody waits for nothing");
    const usable = model.usable(this.#now);
    for (const { heldSince, prompt } of model.requests()) {
      if (heldSince === undefined) continue;
      const mayWait = prompt !== undefined && this.#options.terms.maxAffinityWait > 0;
      assert(mayWait, "somebody waits for a warm server who has no prompt, or may not");
    }
    const mayCome = model.instances.some(({ server }) => server.view.is === "unknown");
    assert(usable.length > 0 || mayCome, "somebody waits for a model that no server can serve");
    for (const instance of usable) {
      if (!instance.isReady || instance.free === 0) continue;
      const waiting = [...model.requests()];
      const couldStart = waiting.some((request) =>
        request.heldSince === undefined && request.mayTryAt(instance.server.id) <= this.#now &&
        this.state.clients.mayStart(request.client) > 0 &&
        // Of a client with a limit only its first requests are looked at; these may wait for a retry or a warm server.
        (request.client.maxInflight === 0 ||
          waiting.every(({ hasTried, heldSince }) => !hasTried && heldSince === undefined))
      );
      assert(!couldStart, "a slot is free and somebody waits who could use it");
    }
  }

  #simulated(server: string): Simulated {
    const found = this.#servers.find(({ id }) => id === server);
    assert(found !== undefined);
    return found;
  }
}

function pick<T>(set: ReadonlySet<T>, which: number): T | undefined {
  return [...set][which % Math.max(1, set.size)];
}
