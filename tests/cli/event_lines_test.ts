import { assert, assertEquals } from "@std/assert";
import { EventLines, type LineSink } from "../../src/cli/event_lines.ts";
import type { LifecycleEvent } from "../../src/upstream/lifecycle.ts";
import { FakeClock } from "../support/fake_clock.ts";

const lost: LifecycleEvent = { time: "2026-11-22T00:00:00Z", server: "server-1", event: "server_lost", reason: "gone" };

/** A reader that takes `size` bytes at a time, as soon as it is let. */
class SlowReader implements LineSink {
  text = "";
  #mayRead = Promise.withResolvers<void>();
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await this.#mayRead.promise;
    const taken = bytes.subarray(0, this.#size);
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }

  read(): void {
    this.#mayRead.resolve();
  }
}

Deno.test("events come out whole and in order, however little the reader takes at a time", async () => {
  const reader = new SlowReader(7);
  const events = new EventLines(reader);
  for (let n = 0; n < 3; n++) events.add({ ...lost, time: `${n}` });
  reader.read();
  await events.flush(1_000, new FakeClock());
  const times = reader.text.trimEnd().split("\n").map((line) => JSON.parse(line).time);
  assertEquals(times, ["0", "1", "2"]);
});

Deno.test("a reader that does not read holds nobody up, and its backlog is bounded", async () => {
  const reader = new SlowReader(Infinity);
  const events = new EventLines(reader);
  for (let n = 0; n < 5_000; n++) events.add(lost);
  const clock = new FakeClock();
  const flushed = events.flush(500, clock);
  clock.advance(500);
  await flushed;
  assertEquals(reader.text, "");
  reader.read();
  await events.flush(1_000, clock);
  assertEquals(reader.text.trimEnd().split("\n").length, 1_000);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a reader that is gone ends the writing and nothing else", async () => {
  let writes = 0;
  const events = new EventLines({
    write: () => {
      writes++;
      return Promise.reject(new Deno.errors.BrokenPipe("gone"));
    },
  });
  for (let n = 0; n < 3; n++) events.add(lost);
  await events.flush(1_000, new FakeClock());
  events.add(lost);
  await events.flush(1_000, new FakeClock());
  assert(writes === 1);
});
