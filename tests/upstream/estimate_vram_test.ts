import { assertEquals } from "@std/assert";
import { estimateVram } from "../../src/upstream/model.ts";

const MODEL = { id: "m", aliases: [], state: "unloaded" } as const;
const MB = 2 ** 20;

Deno.test("the file's size counts before the server's", () => {
  assertEquals(estimateVram({ ...MODEL, sizeBytes: 9 * MB, file: { sizeBytes: 5 * MB } }), { mb: 5, source: "file" });
  assertEquals(estimateVram({ ...MODEL, sizeBytes: 9 * MB }), { mb: 9, source: "server" });
});

Deno.test("the KV cache counts where header and context length are known, at two bytes an element", () => {
  const file = { sizeBytes: 5 * MB, attention: { elementsPerToken: 1_024 } };
  assertEquals(estimateVram({ ...MODEL, file, contextLength: 2_048 }).mb, 5 + 4);
  assertEquals(estimateVram({ ...MODEL, file }).mb, 5);
});

Deno.test("an estimate is a whole number of MB, at least 1, and an unknown size is 1", () => {
  assertEquals(estimateVram({ ...MODEL, sizeBytes: 1 }).mb, 1);
  assertEquals(estimateVram({ ...MODEL, sizeBytes: MB + 1 }).mb, 2);
  assertEquals(estimateVram(MODEL), { mb: 1, source: "unknown" });
});
