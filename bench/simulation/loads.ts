import type { Segment } from "../../src/dispatch/affinity/fingerprint.ts";
import { Random } from "./random.ts";
import type { ServerSpec } from "./server.ts";

/** A message of a conversation: how many tokens it has, and its text. */
export interface Message {
  readonly tokens: number;
  readonly segment: Segment;
}

/** One request of a conversation: what is added to its history, what is answered, and the pause before the next one. */
export interface Turn {
  readonly added: readonly Message[];
  readonly answer: Message;
  readonly pauseMs: number;
}

/** A conversation: each turn resends its history. */
export interface Conversation {
  readonly startMs: number;
  readonly turns: readonly Turn[];
}

/** What happens to a server: from then on it is so many times as fast; 0 kills it, and more revives it. */
export interface Incident {
  readonly atMs: number;
  readonly server: number;
  readonly speed: number;
}

export interface Load {
  readonly name: string;
  readonly servers: readonly ServerSpec[];
  readonly conversations: readonly Conversation[];
  readonly incidents: readonly Incident[];
}

/** A model of some billion parameters on a GPU of today. */
const SERVER: ServerSpec = { slots: 4, prefillRate: 1.5, decodeRate: 0.05, hostTokens: 40_000 };
const MINUTE = 60_000;

/** Every load that policies are compared on. */
export const LOADS: Readonly<Record<string, (seed: number) => Load>> = {
  "chat": (seed) => load("chat", seed, { conversations: (make) => make.chats(80, 6 * MINUTE) }),
  "chat, no host cache": (seed) =>
    load("chat, no host cache", seed, {
      servers: four({ ...SERVER, hostTokens: 0 }),
      conversations: (make) => make.chats(60, 6 * MINUTE),
    }),
  "skewed chat": (seed) =>
    load("skewed chat", seed, {
      conversations: (
        make,
      ) => [...make.chats(40, 6 * MINUTE), ...make.chats(20, 6 * MINUTE, { turns: 18, pauseMs: 2_000 })],
    }),
  "agents": (seed) => load("agents", seed, { conversations: (make) => make.agents(45, 6 * MINUTE) }),
  "too many agents": (seed) => load("too many agents", seed, { conversations: (make) => make.agents(60, 6 * MINUTE) }),
  "batch": (seed) => load("batch", seed, { conversations: (make) => make.batch(500) }),
  "bursts": (seed) =>
    load("bursts", seed, {
      conversations: (make) => [
        ...make.chats(40, 6 * MINUTE),
        ...[1, 2, 3, 4, 5].flatMap((minute) => make.chats(25, 500, { from: minute * MINUTE, turns: 3 })),
      ],
    }),
  "unlike servers": (seed) =>
    load("unlike servers", seed, {
      servers: [
        { ...SERVER, slots: 8, prefillRate: 3, decodeRate: 0.08 },
        SERVER,
        SERVER,
        { ...SERVER, slots: 2, prefillRate: 0.4, decodeRate: 0.015 },
      ],
      conversations: (make) => [...make.chats(50, 6 * MINUTE), ...make.agents(20, 6 * MINUTE)],
    }),
  "one slows down": (seed) =>
    load("one slows down", seed, {
      conversations: (make) => make.chats(65, 6 * MINUTE),
      incidents: [{ atMs: 2 * MINUTE, server: 1, speed: 0.15 }, { atMs: 4 * MINUTE, server: 1, speed: 1 }],
    }),
  "one dies": (seed) =>
    load("one dies", seed, {
      conversations: (make) => make.chats(65, 6 * MINUTE),
      incidents: [{ atMs: 2 * MINUTE, server: 1, speed: 0 }, { atMs: 4 * MINUTE, server: 1, speed: 1 }],
    }),
};

/** Chats alone, as many as are wanted, on four servers. */
export function chatLoad(conversations: number, seed: number): Load {
  return load(`${conversations} chats`, seed, { conversations: (make) => make.chats(conversations, 6 * MINUTE) });
}

/** Chats on any number of servers, about so many requests in all. */
export function largeLoad(servers: number, requests: number, seed: number): Load {
  const perMinute = 80 * servers / 4 / 6;
  const conversations = Math.ceil(requests / 8.5);
  return load(`${servers} servers`, seed, {
    servers: Array.from({ length: servers }, () => SERVER),
    conversations: (make) => make.chats(conversations, conversations / perMinute * MINUTE),
  });
}

/** The same load with only its first conversations, for a quick look. */
export function shortened(whole: Load, share: number): Load {
  const conversations = whole.conversations.slice(0, Math.ceil(whole.conversations.length * share));
  return { ...whole, conversations };
}

interface Parts {
  readonly servers?: readonly ServerSpec[];
  readonly conversations: (make: Conversations) => readonly Conversation[];
  readonly incidents?: readonly Incident[];
}

function load(name: string, seed: number, { servers = four(SERVER), conversations, incidents = [] }: Parts): Load {
  return { name, servers, incidents, conversations: conversations(new Conversations(new Random(seed))) };
}

function four(spec: ServerSpec): readonly ServerSpec[] {
  return Array.from({ length: 4 }, () => spec);
}

/** Makes conversations from random numbers. */
class Conversations {
  readonly #random: Random;
  #messages = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** People who chat: a short system prompt of one of three kinds, questions and answers of some hundred tokens. */
  chats(count: number, withinMs: number, { from = 0, turns = 8, pauseMs = 8_000 } = {}): Conversation[] {
    const systems = [this.#message(150, 250), this.#message(300, 500), this.#message(600, 900)];
    return this.#spread(
      count,
      withinMs,
      from,
      () =>
        this.#turns(this.#pick(systems), this.#random.between(Math.ceil(turns / 2), turns * 3 / 2), pauseMs, () => ({
          question: this.#random.next() < 0.15 ? this.#message(800, 3_000) : this.#message(30, 250),
          answer: this.#message(60, 350),
        })),
    );
  }

  /** Agents: one of two long prompts with tools, many turns with the output of tools, short pauses. */
  agents(count: number, withinMs: number): Conversation[] {
    const systems = [this.#message(5_000, 5_000), this.#message(9_000, 9_000)];
    return this.#spread(
      count,
      withinMs,
      0,
      () =>
        this.#turns(this.#pick(systems), this.#random.between(6, 18), 1_000, () => ({
          question: this.#message(150, 1_200),
          answer: this.#message(40, 150),
        })),
    );
  }

  /** Documents that are asked about with one of four instructions, all sent at once. */
  batch(count: number): Conversation[] {
    const instructions = [1, 2, 3, 4].map(() => this.#message(700, 1_400));
    return this.#spread(count, 1, 0, () =>
      this.#turns(this.#pick(instructions), 1, 0, () => ({
        question: this.#message(200, 1_500),
        answer: this.#message(20, 120),
      })));
  }

  #spread(count: number, withinMs: number, from: number, turns: () => readonly Turn[]): Conversation[] {
    return Array.from({ length: count }, () => ({ startMs: from + this.#random.next() * withinMs, turns: turns() }))
      .sort((a, b) => a.startMs - b.startMs);
  }

  #turns(
    system: Message,
    count: number,
    pauseMs: number,
    exchange: () => { question: Message; answer: Message },
  ): readonly Turn[] {
    return Array.from({ length: count }, (_, i) => {
      const { question, answer } = exchange();
      return { added: i === 0 ? [system, question] : [question], answer, pauseMs: this.#random.pause(pauseMs) };
    });
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.#random.next() * values.length)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }

  /** A message of so many tokens, of 3 to 5 bytes each; its text is like no other's. */
  #message(least: number, most: number): Message {
    const tokens = this.#random.between(least, most);
    const words = new Uint32Array(Math.ceil(tokens * (3 + 2 * this.#random.next()) / 4));
    const name = Math.imul(++this.#messages, 0x9e3779b1);
    for (let i = 0; i < words.length; i++) words[i] = name + i;
    return { tokens, segment: { bytes: new Uint8Array(words.buffer), start: 0, end: words.byteLength } };
  }
}
