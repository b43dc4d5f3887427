import { Affinity, type Match } from "../../src/dispatch/affinity/affinity.ts";
import { Fingerprint } from "../../src/dispatch/affinity/fingerprint.ts";
import { ModelEstimates, PromptBacklog, type ServerEstimates } from "../../src/dispatch/estimates.ts";
import type { Conversation, Load, Message } from "./loads.ts";
import type { SimulatedCandidate, SimulatedPolicy, SimulatedRequest } from "./rivals.ts";
import { Job, SimulatedServer } from "./server.ts";

/** A client whose request was lost with its server sends it again after so many ms. */
const RESEND_MS = 1_000;

/** What came of a load under one policy. */
export interface Outcome {
  /** Time from arrival to first token of each request, in ms. */
  readonly firstTokenMs: readonly number[];
  /** Prompt tokens that servers computed, and all that were sent. */
  readonly computedTokens: number;
  readonly promptTokens: number;
  /** Tokens that were expected in caches, and those that were there. */
  readonly expectedTokens: number;
  readonly cachedTokens: number;
  /** Requests that a server took along when it died. */
  readonly lost: number;
  /** When the last request ended, in ms. */
  readonly endMs: number;
  /** What each decision took on this machine, in µs, with the search for cached prefixes on all servers. */
  readonly decisionUs: readonly number[];
}

/** Runs a load; time is simulated. */
export function simulate(load: Load, policy: SimulatedPolicy): Outcome {
  return new Simulation(load, policy).run();
}

/** One server as the dispatcher knows it. */
class Instance {
  readonly name: string;
  readonly slots: number;
  readonly server: SimulatedServer;
  readonly affinity = new Affinity();
  readonly backlog = new PromptBacklog();
  readonly estimates: ServerEstimates;
  isUp = true;
  free: number;
  /** Queued requests that wait for this server rather than for any. */
  awaited = 0;

  constructor(name: string, server: SimulatedServer, slots: number, estimates: ServerEstimates) {
    this.name = name;
    this.server = server;
    this.slots = slots;
    this.free = slots;
    this.estimates = estimates;
  }
}

interface Candidate extends SimulatedCandidate {
  readonly instance: Instance;
  readonly match: Match;
}

/** One turn of a conversation on its way. */
class Request implements SimulatedRequest {
  readonly conversation: number;
  readonly turn: number;
  readonly prompt: readonly Message[];
  readonly fingerprint: Fingerprint;
  readonly arrivedAt: number;
  promptTokens = 0;
  heldSince: number | undefined;
  readonly hasTried = false;
  startedAt = 0;
  instance: Instance | undefined;
  match: Match | undefined;
  /** What is known of its prompt on each server. */
  readonly matches = new Map<Instance, Match>();

  constructor(conversation: number, turn: number, prompt: readonly Message[], now: number) {
    this.conversation = conversation;
    this.turn = turn;
    this.prompt = prompt;
    this.fingerprint = new Fingerprint(prompt.map(({ segment }) => segment));
    this.arrivedAt = now;
  }
}

class Simulation {
  readonly #load: Load;
  readonly #policy: SimulatedPolicy;
  readonly #model = new ModelEstimates();
  readonly #instances: readonly Instance[];
  readonly #agenda = new Agenda();
  readonly #running = new Map<Job, Request>();
  #queue: Request[] = [];
  #now = 0;
  #reviewAt = Infinity;

  readonly #firstTokenMs: number[] = [];
  readonly #decisionUs: number[] = [];
  #computed = 0;
  #prompts = 0;
  #expected = 0;
  #cached = 0;
  #lost = 0;

  constructor(load: Load, policy: SimulatedPolicy) {
    this.#load = load;
    this.#policy = policy;
    this.#instances = load.servers.map((spec, i) =>
      new Instance(`server-${i + 1}`, new SimulatedServer(spec), spec.slots, this.#model.onServer())
    );
    load.conversations.forEach((conversation, i) => {
      this.#agenda.add(conversation.startMs, () => this.#arrive(i, conversation, 0, []));
    });
    for (const { atMs, server, speed } of load.incidents) {
      this.#agenda.add(atMs, () => this.#strike(this.#instances[server], speed));
    }
  }

  run(): Outcome {
    for (;;) {
      const next = this.#instances.reduce((a, b) => b.server.nextAt < a.server.nextAt ? b : a);
      const serverAt = next.server.nextAt;
      const at = Math.min(serverAt, this.#agenda.nextAt, this.#reviewAt);
      if (at === Infinity) break;
      this.#now = at;
      if (at === this.#reviewAt) this.#reviewAt = Infinity;
      else if (at === serverAt) this.#progress(next);
      else this.#agenda.next();
      this.#dispatch();
    }
    if (this.#queue.length > 0) throw new Error(`${this.#queue.length} requests were never started`);
    return {
      firstTokenMs: this.#firstTokenMs,
      computedTokens: this.#computed,
      promptTokens: this.#prompts,
      expectedTokens: Math.round(this.#expected),
      cachedTokens: this.#cached,
      lost: this.#lost,
      endMs: this.#now,
      decisionUs: this.#decisionUs,
    };
  }

  #arrive(index: number, conversation: Conversation, turn: number, history: readonly Message[]): void {
    const added = conversation.turns[turn]?.added;
    if (added !== undefined) this.#queue.push(new Request(index, turn, [...history, ...added], this.#now));
  }

  /** Lets queued requests go in their order, while there are free slots. */
  #dispatch(): void {
    let free = this.#instances.reduce((sum, { isUp, free }) => sum + (isUp ? free : 0), 0);
    if (free === 0 || this.#queue.length === 0) return;
    for (const instance of this.#instances) instance.awaited = 0;
    const left: Request[] = [];
    for (const request of this.#queue) {
      if (free === 0 || !this.#choose(request)) left.push(request);
      else free--;
    }
    this.#queue = left;
    if (free === 0) { for (const request of left) request.heldSince = undefined; }
  }

  /** Whether the request was started. */
  #choose(request: Request): boolean {
    const before = performance.now();
    request.promptTokens = request.fingerprint.bytes * this.#model.tokensPerByte;
    const candidates: Candidate[] = [];
    for (const instance of this.#instances) if (instance.isUp) candidates.push(this.#candidate(request, instance));
    const choice = this.#policy.choose(request, candidates, this.#now);
    this.#decisionUs.push(1_000 * (performance.now() - before));
    if (choice.is === "wait") {
      request.heldSince ??= this.#now;
      (choice.for as Candidate).instance.awaited++;
      this.#reviewAt = Math.min(this.#reviewAt, choice.until);
    }
    if (choice.is === "send") this.#start(request, choice.to as Candidate);
    return choice.is === "send";
  }

  #candidate(request: Request, instance: Instance): Candidate {
    const { estimates, slots, free, awaited } = instance;
    const match = instance.affinity.match(request.fingerprint, request.matches.get(instance));
    request.matches.set(instance, match);
    return {
      server: instance.name,
      slots,
      freeSlots: free,
      waitMs: Math.max(estimates.slotWaitMs(slots, free, awaited), instance.backlog.remainingMs(this.#now)),
      prefillRate: estimates.prefillRate,
      serviceMs: estimates.serviceMs,
      cachedTokens: match.expectedBytes * this.#model.tokensPerByte,
      historyTokens: match.historyBytes * this.#model.tokensPerByte,
      continues: match.continues,
      load: slots - free + awaited,
      matched: match.bytes / request.fingerprint.bytes,
      instance,
      match,
    };
  }

  #start(request: Request, { instance, match, cachedTokens, prefillRate }: Candidate): void {
    const turn = this.#load.conversations[request.conversation]?.turns[request.turn];
    if (turn === undefined) throw new RangeError("a request without a turn");
    const job = new Job(request.prompt, turn.answer);
    instance.free--;
    instance.backlog.begin(Math.max(0, request.promptTokens - cachedTokens) / prefillRate, this.#now);
    instance.server.start(job, this.#now);
    request.instance = instance;
    request.match = match;
    request.startedAt = this.#now;
    this.#running.set(job, request);
    this.#prompts += job.promptTokens;
    this.#computed += job.promptTokens - job.cachedTokens;
    this.#expected += cachedTokens;
    this.#cached += job.cachedTokens;
  }

  #progress(instance: Instance): void {
    const { job, ended } = instance.server.next();
    const request = this.#running.get(job);
    if (request === undefined) throw new Error("a server answered what was not asked");
    if (ended) this.#finish(instance, job, request);
    else {
      instance.backlog.end(this.#now);
      this.#firstTokenMs.push(this.#now - request.arrivedAt);
    }
  }

  #finish(instance: Instance, job: Job, request: Request): void {
    this.#running.delete(job);
    instance.free++;
    instance.estimates.served(this.#now - request.startedAt);
    instance.estimates.answered(request.fingerprint.bytes, {
      cacheTokens: job.cachedTokens,
      promptTokens: job.promptTokens - job.cachedTokens,
      promptMs: job.firstTokenAt - job.promptAt,
      predictedTokens: job.answer.tokens,
      predictedMs: this.#now - job.firstTokenAt,
    });
    const cachedBytes = job.cachedTokens / job.promptTokens * request.fingerprint.bytes;
    if (request.match !== undefined) instance.affinity.learn(request.match, cachedBytes);
    instance.affinity.remember(request.fingerprint, job.answer.tokens / this.#model.tokensPerByte);
    const conversation = this.#load.conversations[request.conversation];
    const turn = conversation?.turns[request.turn];
    if (conversation === undefined || turn === undefined) return;
    this.#agenda.add(this.#now + turn.pauseMs, () => {
      this.#arrive(request.conversation, conversation, request.turn + 1, [...request.prompt, turn.answer]);
    });
  }

  /** Something happens to a server; what is lost with it is sent again by its client. */
  #strike(instance: Instance | undefined, speed: number): void {
    if (instance === undefined) throw new RangeError("an incident of a server that is not there");
    instance.isUp = speed > 0;
    if (instance.isUp) return instance.server.setSpeed(speed, this.#now);
    for (const job of instance.server.kill(this.#now)) {
      const request = this.#running.get(job);
      if (request === undefined) continue;
      this.#running.delete(job);
      if (job.firstTokenAt === 0) instance.backlog.end(this.#now);
      instance.free++;
      this.#lost++;
      const again = () => this.#queue.push(new Request(request.conversation, request.turn, request.prompt, this.#now));
      this.#agenda.add(this.#now + RESEND_MS, again);
    }
    instance.affinity.clear();
  }
}

/** What is to happen when: a binary heap. */
class Agenda {
  readonly #items: { readonly at: number; readonly act: () => void }[] = [];

  get nextAt(): number {
    return this.#items[0]?.at ?? Infinity;
  }

  add(at: number, act: () => void): void {
    const items = this.#items;
    let place = items.length;
    for (let parent = (place - 1) >> 1; place > 0; parent = (place - 1) >> 1) {
      const above = items[parent];
      if (above === undefined || above.at <= at) break;
      items[place] = above;
      place = parent;
    }
    items[place] = { at, act };
  }

  next(): void {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (first === undefined || last === undefined) return;
    if (items.length > 0) {
      let place = 0;
      for (;;) {
        const [left, right] = [items[2 * place + 1], items[2 * place + 2]];
        const child = right !== undefined && left !== undefined && right.at < left.at ? right : left;
        if (child === undefined || child.at >= last.at) break;
        items[place] = child;
        place = child === left ? 2 * place + 1 : 2 * place + 2;
      }
      items[place] = last;
    }
    first.act();
  }
}
