import { assertEquals } from "@std/assert";
import { PassEncoder } from "../../../../src/http/api/v1/pass_encoder.ts";
import type { WireEvent } from "../../../../src/llama/exchange.ts";
import { textEvent } from "../../fake_fleet.ts";

const utf8 = new TextEncoder();

/** Adds events as they would arrive together. */
function add(encoder: PassEncoder, ...events: WireEvent[]): void {
  const bytes = utf8.encode(events.map(({ view }) => JSON.stringify({ prompt_progress: view.progress })).join("\n"));
  encoder.add({ bytes, events });
}

const progress = (processed: number) => textEvent("", { progress: { total: 100, processed } });

Deno.test("how far the prompt is read is no piece of the answer", () => {
  const encoder = new PassEncoder("openai", "id", true);
  add(encoder, progress(10), progress(40));
  assertEquals([encoder.fragments, encoder.progress], [0, { total: 100, processed: 40 }]);
  add(encoder, textEvent("a"), textEvent("b"));
  assertEquals([encoder.fragments, encoder.progress?.processed], [2, 40]);
});

Deno.test("where the client did not ask for progress no event is parsed", () => {
  const encoder = new PassEncoder("openai", "id", false);
  const unreadable: WireEvent = {
    kind: "data",
    get view(): never {
      throw new Error("it was parsed");
    },
  };
  encoder.add({ bytes: utf8.encode("prompt_progress"), events: [unreadable] });
  assertEquals(encoder.fragments, 1);
});
