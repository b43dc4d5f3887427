import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { InvalidGgufError } from "../../../src/upstream/gguf/byte_reader.ts";
import { HEADER_LIMIT, type HeaderValue, readHeader } from "../../../src/upstream/gguf/read_header.ts";
import { RawGguf } from "./raw_gguf.ts";

const [U8, I16, U32, F32, BOOL, STRING, ARRAY, U64, F64] = [0, 3, 4, 6, 7, 8, 9, 10, 12];
const TWO_TO_63 = 2n ** 63n;

/** Reads all keys of a file with these bytes, which claims to be of this size. */
async function read(bytes: Uint8Array, size = bytes.length): Promise<Record<string, HeaderValue>> {
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await Deno.writeFile(path, bytes);
    using file = await Deno.open(path);
    return Object.fromEntries(await readHeader(file, size, () => true));
  } finally {
    await Deno.remove(path);
  }
}

async function assertInvalid(bytes: RawGguf, message: string): Promise<void> {
  await assertRejects(() => read(bytes.build()), InvalidGgufError, message);
}

Deno.test("whole numbers, short strings and short arrays of numbers are read", async () => {
  const bytes = RawGguf.header(5)
    .string("name").u32(STRING).string("tiny")
    .string("layers").u32(U32).u32(7)
    .string("size").u32(U64).u64(2 ** 40)
    .string("heads").u32(ARRAY).u32(U32).u64(3).u32(1).u32(2).u32(3)
    .string("on").u32(BOOL).text("\x01");
  assertEquals(await read(bytes.build()), { name: "tiny", layers: 7, size: 2 ** 40, heads: [1, 2, 3], on: 1 });
});

Deno.test("values of every other kind are passed over, and what follows them is read", async () => {
  const bytes = RawGguf.header(8)
    .string("f32").u32(F32).zeros(4)
    .string("f64").u32(F64).zeros(8)
    .string("long text").u32(STRING).u64(1_000).zeros(1_000)
    .string("tokens").u32(ARRAY).u32(STRING).u64(2).string("<s>").string("</s>")
    .string("scores").u32(ARRAY).u32(F32).u64(50_000).zeros(200_000)
    .string("bytes").u32(ARRAY).u32(U8).u64(100_000).zeros(100_000)
    .string("nested").u32(ARRAY).u32(ARRAY).u64(2).u32(I16).u64(1).zeros(2).u32(STRING).u64(1).string("x")
    .string("last").u32(U32).u32(1);
  assertEquals(await read(bytes.build()), { last: 1 });
});

Deno.test("strings that lie across the edges of chunks are read", async () => {
  const bytes = RawGguf.header(1_001);
  for (let index = 0; index < 1_000; index++) bytes.string(`key ${index}`).u32(STRING).string("x".repeat(200));
  bytes.string("last").u32(STRING).string("é".repeat(100));
  const values = await read(bytes.build());
  assertEquals([Object.keys(values).length, values["last"]], [1_001, "é".repeat(100)]);
});

Deno.test("what is no GGUF file is rejected", async () => {
  await assertInvalid(new RawGguf().text("GGML").zeros(100), "it does not begin with GGUF");
});

Deno.test("other versions are rejected", async () => {
  await assertInvalid(RawGguf.header(0, 1), "its version is 1");
  await assertInvalid(RawGguf.header(0, 0x03000000), "byte order");
});

Deno.test("a file that ends in its header is rejected", async () => {
  await assertInvalid(new RawGguf().text("GG"), "where the file or the part that is read ends");
  const whole = RawGguf.header(2).string("a").u32(STRING).string("b").string("c").u32(U32).u32(1).build();
  for (let end = 0; end < whole.length; end++) {
    await assertRejects(() => read(whole.subarray(0, end)), InvalidGgufError);
  }
});

Deno.test("a file that shrinks while it is read is rejected", async () => {
  const bytes = RawGguf.header(1).string("a").u32(ARRAY).u32(U32).u64(4).u32(1).build();
  await assertRejects(() => read(bytes, 1_000), InvalidGgufError);
});

Deno.test("absurd counts and lengths are rejected without being believed", async () => {
  await assertInvalid(RawGguf.header(TWO_TO_63), "keys; at most");
  await assertInvalid(RawGguf.header(1).u64(TWO_TO_63), "a key claims");
  await assertInvalid(RawGguf.header(1).string("a").u32(STRING).u64(TWO_TO_63), "goes on beyond");
  await assertInvalid(RawGguf.header(1).string("a").u32(ARRAY).u32(STRING).u64(TWO_TO_63), "goes on beyond");
  await assertInvalid(RawGguf.header(1).string("a").u32(ARRAY).u32(F64).u64(TWO_TO_63), "goes on beyond");
  await assertInvalid(RawGguf.header(1).string("a").u32(ARRAY).u32(ARRAY).u64(TWO_TO_63).zeros(96), "goes on beyond");
});

Deno.test("unknown types are rejected", async () => {
  await assertInvalid(RawGguf.header(1).string("a").u32(13), "unknown type 13");
  await assertInvalid(RawGguf.header(1).string("a").u32(ARRAY).u32(99).u64(1), "unknown type 99");
});

Deno.test("deeply nested arrays are rejected", async () => {
  const bytes = RawGguf.header(1).string("a").u32(ARRAY);
  for (let depth = 0; depth < 100; depth++) bytes.u32(ARRAY).u64(1);
  await assertInvalid(bytes, "nested deeper");
});

Deno.test("a header that goes on beyond 64 MB is rejected, though the file is that long", async () => {
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    const start = RawGguf.header(2).string("a").u32(ARRAY).u32(U8).u64(HEADER_LIMIT).build();
    await Deno.writeFile(path, start);
    await Deno.truncate(path, HEADER_LIMIT * 2);
    using file = await Deno.open(path);
    await assertRejects(() => readHeader(file, HEADER_LIMIT * 2, () => true), InvalidGgufError, "goes on beyond");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a vocabulary of a million tokens is walked without being held in memory", async () => {
  const tokens = new RawGguf();
  for (let index = 0; index < 1_000; index++) tokens.string("token");
  const block = tokens.build();
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    const start = RawGguf.header(2).string("tokens").u32(ARRAY).u32(STRING).u64(1_000_000).build();
    await Deno.writeFile(path, start);
    for (let index = 0; index < 1_000; index++) await Deno.writeFile(path, block, { append: true });
    await Deno.writeFile(path, new RawGguf().string("last").u32(U32).u32(5).build(), { append: true });
    const { size } = await Deno.stat(path);
    using file = await Deno.open(path);
    const before = Deno.memoryUsage().external;
    const values = await readHeader(file, size, () => true);
    assertEquals(values.get("last"), 5);
    assert(Deno.memoryUsage().external - before < 4 * 2 ** 20, "memory grew with the header");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("any bytes at all end in values or in a clear rejection", async () => {
  const valid = RawGguf.header(3).string("a").u32(STRING).string("b").string("c").u32(ARRAY).u32(U32).u64(2).u32(1).u32(
    2,
  )
    .string("d").u32(F64).zeros(8).build();
  const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(mutated, async (changes) => {
      const bytes = valid.slice();
      for (const [at, value] of changes) bytes[at] = value;
      try {
        await read(bytes);
      } catch (error) {
        assert(error instanceof InvalidGgufError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
