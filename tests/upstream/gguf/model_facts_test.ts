import { assertEquals } from "@std/assert";
import { type ModelFacts, readModelFacts } from "../../../src/upstream/gguf/model_facts.ts";
import { RawGguf } from "./raw_gguf.ts";

const [U32, STRING, ARRAY] = [4, 8, 9];

async function factsOf(values: Readonly<Record<string, number | string | number[]>>, name = "m"): Promise<ModelFacts> {
  const raw = RawGguf.header(Object.keys(values).length);
  for (const [key, value] of Object.entries(values)) {
    raw.string(key);
    if (typeof value === "string") raw.u32(STRING).string(value);
    else if (typeof value === "number") raw.u32(U32).u32(value);
    else {
      raw.u32(ARRAY).u32(U32).u64(value.length);
      for (const element of value) raw.u32(element);
    }
  }
  const bytes = raw.build();
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await Deno.writeFile(path, bytes);
    using file = await Deno.open(path);
    return await readModelFacts(file, bytes.length, name);
  } finally {
    await Deno.remove(path);
  }
}

const LLAMA = {
  "general.architecture": "llama",
  "general.file_type": 15,
  "llama.block_count": 32,
  "llama.embedding_length": 4096,
  "llama.attention.head_count": 32,
  "llama.attention.head_count_kv": 8,
};

Deno.test("family, quantization and the size of the KV cache come from the header", async () => {
  // Llama 3 8B: 32 layers, 8 heads of keys and values, 128 wide: 128 kB a token at 16 bits.
  assertEquals(await factsOf(LLAMA), {
    family: "llama",
    quantization: "Q4_K_M",
    attention: { elementsPerToken: 32 * 8 * (128 + 128) },
  });
});

Deno.test("key and value widths of their own are used", async () => {
  const facts = await factsOf({ ...LLAMA, "llama.attention.key_length": 64, "llama.attention.value_length": 32 });
  assertEquals(facts.attention, { elementsPerToken: 32 * 8 * (64 + 32) });
});

Deno.test("heads that differ from layer to layer are added up", async () => {
  const facts = await factsOf({ ...LLAMA, "llama.attention.head_count_kv": [8, 0, 4] });
  assertEquals(facts.attention, { elementsPerToken: 12 * 256 });
});

Deno.test("without heads of their own, keys and values have those of the queries", async () => {
  const { "llama.attention.head_count_kv": _, ...rest } = LLAMA;
  assertEquals((await factsOf(rest)).attention, { elementsPerToken: 32 * 32 * 256 });
});

Deno.test("a header that does not say enough, or nonsense, gives no cache size", async () => {
  assertEquals((await factsOf({ "general.architecture": "mamba", "mamba.block_count": 4 })).attention, undefined);
  assertEquals((await factsOf({ ...LLAMA, "llama.attention.head_count": 0 })).attention, undefined);
  assertEquals((await factsOf({ ...LLAMA, "llama.block_count": 0xffffffff })).attention, undefined);
});

Deno.test("the quantization comes from the file's name where the header has none that is known", async () => {
  for (
    const [name, quantization] of [
      ["Qwen3-8B-Q4_K_M", "Q4_K_M"],
      ["model.IQ3_XXS", "IQ3_XXS"],
      ["tiny-f16", "F16"],
      ["big-q8_0-00001-of-00003", "Q8_0"],
      ["Qwen3-8B", undefined],
    ] as const
  ) {
    assertEquals((await factsOf({ "general.file_type": 999 }, name)).quantization, quantization, name);
  }
});
