import { assertEquals } from "@std/assert";
import { type NamedModel, resolveModel } from "../../src/upstream/model_names.ts";

const MODELS: readonly NamedModel[] = [
  { id: "qwen", aliases: ["default", "q"], path: "/models/Qwen3-8B-Q4_K_M.gguf" },
  { id: "/models/llama.gguf", aliases: [] },
  { id: "phi", aliases: ["small.gguf"], path: "C:\\models\\phi-4.gguf" },
];

function found(name: string, models = MODELS): string {
  const resolution = resolveModel(name, models);
  if (resolution.kind === "found") return resolution.model.id;
  return resolution.kind === "ambiguous" ? resolution.candidates.map(({ id }) => id).join(" or ") : resolution.kind;
}

Deno.test("a model is found by its id and by each alias", () => {
  assertEquals(["qwen", "default", "q", "/models/llama.gguf"].map((name) => found(name)), [
    "qwen",
    "qwen",
    "qwen",
    "/models/llama.gguf",
  ]);
});

Deno.test("a model is found by its file name, with and without .gguf, whatever the folders before it", () => {
  for (
    const name of ["Qwen3-8B-Q4_K_M", "Qwen3-8B-Q4_K_M.gguf", "/elsewhere/Qwen3-8B-Q4_K_M.gguf", "a/Qwen3-8B-Q4_K_M"]
  ) {
    assertEquals(found(name), "qwen", name);
  }
  assertEquals([found("llama"), found("llama.gguf"), found("phi-4"), found("small")], [
    "/models/llama.gguf",
    "/models/llama.gguf",
    "phi",
    "phi",
  ]);
});

Deno.test("an exact id beats another model's alias and file name", () => {
  const models = [{ id: "b", aliases: ["a"], path: "/x/a.gguf" }, { id: "a", aliases: [] }];
  assertEquals(found("a", models), "a");
});

Deno.test("a name that fits several models equally well is ambiguous", () => {
  const models = [{ id: "x", aliases: [], path: "/one/m.gguf" }, { id: "y", aliases: [], path: "/two/m.gguf" }];
  assertEquals(found("m", models), "x or y");
});

Deno.test("names are not guessed: other case, parts and nothing at all are unknown", () => {
  assertEquals(["QWEN", "qwe", "", "/"].map((name) => found(name)), ["unknown", "unknown", "unknown", "unknown"]);
});
