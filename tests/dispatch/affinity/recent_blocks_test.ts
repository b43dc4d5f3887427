import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Fingerprint } from "../../../src/dispatch/affinity/fingerprint.ts";
import { type LastBlock, RecentBlocks } from "../../../src/dispatch/affinity/recent_blocks.ts";
import { fingerprint, hashes } from "./texts.ts";

/** The same in the plainest way: a Map in order of use. */
class NaiveBlocks {
  readonly #blocks = new Map<string, LastBlock>();
  readonly #capacity: number;
  #clock = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  remember(prompt: Fingerprint, answerBytes: number): void {
    const blocks = hashes(prompt).slice(0, this.#capacity - 1);
    const known = Math.min(blocks.length, this.match(prompt));
    this.#clock += blocks.length - known;
    for (const [i, block] of [...blocks.entries()].reverse()) {
      const mayEnd = i >= blocks.length - (prompt.isOpen ? 2 : 1);
      const isEnd = mayEnd && (i >= known || this.#blocks.get(block)?.answerBytes !== undefined);
      this.#use(block, isEnd ? answerBytes : undefined);
    }
    if (prompt.session !== undefined) this.#use(JSON.stringify(prompt.session), undefined);
    for (const block of [...this.#blocks.keys()].slice(0, Math.max(0, this.#blocks.size - this.#capacity))) {
      this.#blocks.delete(block);
    }
  }

  #use(block: string, answerBytes: number | undefined): void {
    this.#blocks.delete(block);
    this.#blocks.set(block, { usedAt: this.#clock, age: 0, answerBytes });
  }

  match(prompt: Fingerprint): number {
    const unknown = hashes(prompt).findIndex((block) => !this.#blocks.has(block));
    return unknown < 0 ? prompt.count : unknown;
  }

  last(prompt: Fingerprint, blocks: number): LastBlock | undefined {
    const block = this.#blocks.get(hashes(prompt)[blocks - 1] ?? "");
    return block && { ...block, age: this.#clock - block.usedAt };
  }

  knowsSession({ session }: Fingerprint): boolean {
    return session !== undefined && this.#blocks.has(JSON.stringify(session));
  }

  clear(): void {
    this.#blocks.clear();
  }

  get size(): number {
    return this.#blocks.size;
  }
}

const CAPACITY = 16;
const prompt = fc.tuple(
  fc.array(fc.constantFrom("a", "b", "c".repeat(70)), { maxLength: 20 }),
  fc.option(fc.constantFrom("s", "t"), { nil: undefined }),
).map(([texts, session]) => fingerprint(texts, session));
const step = fc.record({
  is: fc.constantFrom("remember", "remember", "match", "clear"),
  prompt,
  answerBytes: fc.nat(100),
});

Deno.test("whatever is remembered and evicted: it knows what a Map in order of use would know", () => {
  let evictions = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: "max" }), (steps) => {
      const blocks = new RecentBlocks(CAPACITY);
      const naive = new NaiveBlocks(CAPACITY);
      for (const { is, prompt, answerBytes } of steps) {
        if (is === "clear") { for (const each of [blocks, naive]) each.clear(); }
        if (is === "remember") { for (const each of [blocks, naive]) each.remember(prompt, answerBytes); }
        assertEquals([blocks.match(prompt), blocks.size], [naive.match(prompt), naive.size]);
        assertEquals(blocks.knowsSession(prompt), naive.knowsSession(prompt));
        const known = blocks.match(prompt);
        if (known > 0) assertEquals(blocks.last(prompt, known), naive.last(prompt, known));
        if (blocks.size === CAPACITY) evictions++;
      }
    }),
    { numRuns: 2_000 },
  );
  assert(evictions > 1_000, "the sequences hardly ever evicted anything");
});

Deno.test("a prompt is whole until another one continues it, and what two share is not", () => {
  const blocks = new RecentBlocks(64);
  const isWhole = (texts: readonly string[]) => {
    const prompt = fingerprint(texts);
    return blocks.last(prompt, blocks.match(prompt)).answerBytes !== undefined;
  };
  blocks.remember(fingerprint(["system", "question"]));
  assertEquals([isWhole(["system", "question", "answer", "more"]), isWhole(["system", "other"])], [true, false]);
  blocks.remember(fingerprint(["system", "question", "answer", "more"]));
  assertEquals([isWhole(["system", "question", "other"]), isWhole(["system", "question", "answer", "more", "!"])], [
    false,
    true,
  ]);
});

Deno.test("a text that goes on continues what it was", () => {
  const blocks = new RecentBlocks(64);
  const [before, after] = [fingerprint(["z".repeat(200)]), fingerprint(["z".repeat(300)])];
  blocks.remember(before);
  assertEquals([blocks.match(after), blocks.last(after, 3).answerBytes], [3, 0]);
});

Deno.test("the blocks of 16 servers take less than 40 MB, however many prompts they saw", () => {
  // Made before, because what they leave for the garbage collector would be counted.
  const prompts = Array.from({ length: 2_000 }, (_, i) => fingerprint([`conversation ${i}`, `${i} `.repeat(400)]));
  const before = Deno.memoryUsage();
  const servers = Array.from({ length: 16 }, () => new RecentBlocks());
  for (const server of servers) for (const prompt of prompts) server.remember(prompt);
  const after = Deno.memoryUsage();
  assertEquals(servers.map(({ size }) => size), Array(16).fill(32_768));
  const added = (after.external - before.external + Math.max(0, after.heapUsed - before.heapUsed)) / 1e6;
  assert(added < 40, `${added} MB`);
});
