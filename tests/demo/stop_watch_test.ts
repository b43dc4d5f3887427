import { assertEquals } from "@std/assert";
import { StopWatch } from "../../src/demo/stop_watch.ts";

/** What is let through of a text that comes in these parts, and the stop text that was found. */
function watch(stops: readonly string[], parts: readonly string[]): { shown: string[]; found: string | undefined } {
  const stopWatch = new StopWatch(stops);
  const shown: string[] = [];
  for (const part of parts) if (stopWatch.found === undefined) shown.push(stopWatch.add(part));
  if (stopWatch.found === undefined) shown.push(stopWatch.end(""));
  return { shown, found: stopWatch.found };
}

Deno.test("a stop text ends the text before it, however it is cut into parts", () => {
  assertEquals(watch(["end"], ["The e", "nd."]), { shown: ["The ", ""], found: "end" });
  assertEquals(watch(["end"], ["The end."]), { shown: ["The "], found: "end" });
  assertEquals(watch(["end"], ["The ", "e", "n", "d"]), { shown: ["The ", "", "", ""], found: "end" });
});

Deno.test("what only looks like the beginning of a stop text is shown after all", () => {
  assertEquals(watch(["end"], ["The e", "nchanted", " en"]), {
    shown: ["The ", "enchanted", " ", "en"],
    found: undefined,
  });
});

Deno.test("of several stop texts the one that comes first counts", () => {
  assertEquals(watch(["b", "a"], ["xxabxx"]), { shown: ["xx"], found: "a" });
  assertEquals(watch(["", "b"], ["ab"]), { shown: ["a"], found: "b" });
});
