import { assertEquals } from "@std/assert";
import { Timeline } from "../../../../src/base/timeline.ts";
import type { QueuePlace } from "../../../../src/dispatch/fleet.ts";
import { ModeldError } from "../../../../src/base/errors.ts";
import { type Progress, ProgressWatch } from "../../../../src/http/api/infer/progress.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { textEvent } from "../../fake_fleet.ts";
import { bodyOf, parseLines, withServer } from "../../with_server.ts";

/** Reads a reply piece by piece; what is written while a client waits comes alone. */
function piecesOf(reply: Response): () => Promise<unknown[]> {
  const reader = bodyOf(reply).pipeThrough(new TextDecoderStream()).getReader();
  return async () => parseLines((await reader.read()).value ?? "");
}

Deno.test("with progress true lines say where a request waits and how far its prompt is, until the first token", () =>
  withServer(async ({ infer, fleet }) => {
    const { promise: turn, resolve: begin } = Promise.withResolvers<void>();
    const { promise: running, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = async (exchange, { context: { timeline } }) => {
      fleet.places = [{ timeline, position: 2, expectedWaitMs: 900 }];
      await turn;
      timeline.enter("prefill");
      resolve(exchange);
    };
    const reply = await infer({ prompt: "hi", progress: true });
    const next = piecesOf(reply);
    assertEquals(await next(), [{ progress: { stage: "queue", position: 2, eta_ms: 900 } }]);
    fleet.places = fleet.places.map(({ timeline }) => ({ timeline, position: 1 }));
    assertEquals(await next(), [{ progress: { stage: "queue", position: 1 } }]);
    begin();
    const exchange = await running;
    assertEquals(await next(), [{ progress: { stage: "prefill" } }]);
    exchange.events(textEvent("", { progress: { total: 9, processed: 4 } }));
    assertEquals(await next(), [{ progress: { stage: "prefill", prompt_tokens: 9, prompt_done: 4 } }]);
    exchange.push("a").complete();
    assertEquals((await next())[0], { token: "a" });
    await next();
  }));

Deno.test("progress is asked of llama-server for those alone who want it and stream", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) =>
      exchange.events(textEvent("", { progress: { total: 9, processed: 4 } })).push("a").complete();
    const bodies = [{ prompt: "hi" }, { prompt: "hi", progress: true, stream: false }];
    for (const body of bodies) {
      const lines = parseLines(await (await infer(body)).text()) as { progress?: unknown }[];
      assertEquals(lines.filter(({ progress }) => progress !== undefined), []);
    }
    const lines = parseLines(await (await infer({ prompt: "hi", progress: true })).text());
    assertEquals(lines[0], { progress: { stage: "prefill", prompt_tokens: 9, prompt_done: 4 } });
    assertEquals(fleet.calls.map(({ sent }) => "progress" in sent), [false, false, true]);
  }));

Deno.test("a refusal before the first progress line is an HTTP status, one after it an error line", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = () => {
      throw new ModeldError("queue_full", "too busy");
    };
    const early = await infer({ prompt: "hi", progress: true });
    assertEquals([early.status, (await early.json()).type], [429, "queue_full"]);

    const { promise, reject } = Promise.withResolvers<void>();
    fleet.script = () => promise;
    const reply = await infer({ prompt: "hi", progress: true });
    const next = piecesOf(reply);
    assertEquals([reply.status, await next()], [200, [{ progress: { stage: "queue" } }]]);
    reject(new ModeldError("wait_timeout", "too busy"));
    assertEquals(await next(), [{ error: "too busy", code: 429, type: "wait_timeout" }]);
    assertEquals(await next(), []);
  }));

Deno.test("progress is told at each change and every 15 s, the places being asked for once for all", () => {
  const clock = new FakeClock();
  let asked = 0;
  let places: QueuePlace[] = [];
  const watch = new ProgressWatch({
    queuePlaces() {
      asked++;
      return places;
    },
  }, clock);
  const told: (readonly [at: number, progress: Progress])[] = [];
  const timelines = Array.from({ length: 10 }, (_, at) => new Timeline(String(at), clock));
  places = timelines.map((timeline, ahead) => ({ timeline, position: ahead + 1, expectedWaitMs: 70 }));
  for (const timeline of timelines) timeline.enter("queue");
  const timers = timelines.map((timeline) =>
    watch.watch(timeline, (progress) => timeline === timelines[1] && told.push([clock.now(), progress]))
  );
  clock.advance(1_000);
  assertEquals(asked, 4);
  places = places.slice(1).map(({ timeline }, ahead) => ({ timeline, position: ahead + 1 }));
  clock.advance(1_000);
  timelines[1]?.enter("load");
  clock.advance(31_000);
  timelines[1]?.received(1);
  clock.advance(60_000);
  assertEquals(told, [
    [250, { stage: "queue", position: 2, eta_ms: 70 }],
    [1_250, { stage: "queue", position: 1 }],
    [2_250, { stage: "load", position: 1 }],
    [17_250, { stage: "load", position: 1 }],
    [32_250, { stage: "load", position: 1 }],
  ]);
  for (const timer of timers) timer.clear();
  clock.advance(250);
  assertEquals(clock.pendingTimers, 0);
});
