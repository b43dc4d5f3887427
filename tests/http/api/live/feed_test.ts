import { assert, assertEquals } from "@std/assert";
import { Deadlines } from "../../../../src/base/deadlines.ts";
import { Feed } from "../../../../src/http/api/live/events_route.ts";
import type { LiveView } from "../../../../src/http/api/live/live_view.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

/** A feed whose reader reads when the test says so, and whose view shows the present `state`. */
function rig() {
  const clock = new FakeClock();
  const shown = { state: 0, looks: 0 };
  const view = {
    now() {
      shown.looks++;
      return { fleet: `{"state":${shown.state}}`, requests: [], recent: "0" };
    },
  } as unknown as LiveView;
  const writeDeadlines = new Deadlines(60_000, clock);
  const released: string[] = [];
  const viewer = { client: "key 0", isAdmin: false, hasKeys: true };
  const feed = new Feed({ viewer, view, version: "1", clock, writeDeadlines }, () => released.push("released"));
  const reader = new ReadableStream(feed, { highWaterMark: 0 }).getReader();
  const utf8 = new TextDecoder();
  return {
    clock,
    shown,
    feed,
    reader,
    released,
    writeDeadlines,
    async read(ms: number): Promise<string> {
      const read = reader.read();
      await clock.tick(0); // the stream asks its source in a later turn
      await clock.tick(ms);
      return utf8.decode((await read).value);
    },
  };
}

Deno.test("a slow reader gets the newest state next, and nothing is made while it reads nothing", async () => {
  const { clock, shown, feed, read, released, writeDeadlines } = rig();
  await read(0);
  const { looks } = shown;
  for (let state = 1; state <= 50; state++) {
    shown.state = state;
    await clock.tick(1_000);
  }
  assertEquals(shown.looks, looks);
  assertEquals(await read(250), 'event: change\ndata: {"fleet":{"state":50}}\n\n');
  feed.release();
  writeDeadlines.close();
  assertEquals([released.length, clock.pendingTimers], [1, 0]);
});

Deno.test("a quiet feed sends a heartbeat after 10 s", async () => {
  const { feed, read, clock, writeDeadlines } = rig();
  await read(0);
  assertEquals(await read(10_250), ": alive\n\n");
  feed.release();
  writeDeadlines.close();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a reader that takes nothing until the write deadline is let go", async () => {
  const { feed, clock, read, reader, released, writeDeadlines } = rig();
  await read(0);
  await clock.tick(60_000);
  assertEquals(released, ["released"]);
  feed.release();
  assertEquals(released, ["released"]);
  writeDeadlines.close();
  assert(await reader.read().then(() => false, () => true), "the stream is not errored");
});
