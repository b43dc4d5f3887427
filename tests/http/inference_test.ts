import { assertEquals } from "@std/assert";
import { plainClient } from "../../src/base/client.ts";
import { ModeldError } from "../../src/base/errors.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { ByteBudget } from "../../src/http/byte_budget.ts";
import { Inference } from "../../src/http/inference.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { COMPLETION } from "./fake_fleet.ts";
import { RecordingObserver } from "./recorders.ts";

function begin(client: AbortSignal = new AbortController().signal): [Inference, RecordingObserver, FakeClock] {
  const clock = new FakeClock();
  const observer = new RecordingObserver();
  const inferDeadlines = new Deadlines(1_000, clock);
  const request = new Request("http://modeld/infer", { method: "POST", signal: client });
  const inference = new Inference("id", request, plainClient("anybody", []), {
    clock,
    observer,
    budget: new ByteBudget(() => 1_000),
    inferDeadlines: () => inferDeadlines,
  });
  return [inference, observer, clock];
}

Deno.test("the first end counts, in any order of ends", () => {
  const ends: Record<string, (inference: Inference) => void> = {
    ok: (inference) => inference.complete(COMPLETION),
    truncated: (inference) => inference.fail(new ModeldError("truncated", "cut")),
    cancelled: (inference) => inference.clientLeft(),
  };
  for (const first of Object.keys(ends)) {
    const [inference, observer] = begin();
    ends[first]?.(inference);
    for (const end of Object.values(ends)) end(inference);
    assertEquals(observer.results.map(({ outcome }) => outcome), [first]);
  }
});

Deno.test("the signal's reason is that of the first abort", () => {
  const [inference, , clock] = begin();
  clock.advance(1_000);
  inference.clientLeft();
  assertEquals(inference.signal.reason.kind, "infer_timeout");
});

Deno.test("nothing is aborted after the end", () => {
  const client = new AbortController();
  const [inference, , clock] = begin(client.signal);
  inference.complete(COMPLETION);
  clock.advance(1_000);
  client.abort();
  assertEquals(inference.signal.aborted, false);
});

Deno.test("what waits for the end is told at once where it has come already", () => {
  const [inference] = begin();
  inference.clientLeft();
  let told = 0;
  inference.onEnd(() => told++);
  assertEquals(told, 1);
});

Deno.test("a client that left before its request was looked at ends it at once", () => {
  const [inference, observer] = begin(AbortSignal.abort());
  assertEquals(inference.signal.reason.kind, "cancelled");
  assertEquals(observer.results.map(({ status }) => status), [499]);
});
