import { assertEquals, assertRejects } from "@std/assert";
import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { TextLineStream, type TextLineStreamOptions } from "@std/streams/text-line-stream";

function limited(parts: readonly string[], size: number, options?: { error: boolean }): Promise<string[]> {
  return Array.fromAsync(
    ReadableStream.from(parts).pipeThrough(new TextEncoderStream())
      .pipeThrough(new LimitedBytesTransformStream(size, options)).pipeThrough(new TextDecoderStream()),
  );
}

Deno.test("a limited stream passes chunks up to exactly its limit", async () => {
  assertEquals(await limited(["1234", "5678"], 8), ["1234", "5678"]);
});

Deno.test("a limited stream ends before the chunk that would exceed its limit", async () => {
  assertEquals(await limited(["1234", "5678"], 4), ["1234"]);
  assertEquals(await limited(["1234", "5678", "9"], 5), ["1234"]);
});

Deno.test("a limited stream fails with a RangeError at its limit where that is asked for", async () => {
  await assertRejects(() => limited(["1234", "5678"], 7, { error: true }), RangeError);
  assertEquals(await limited(["1234", "5678"], 8, { error: true }), ["1234", "5678"]);
});

function lines(parts: readonly string[], options?: TextLineStreamOptions): Promise<string[]> {
  return Array.fromAsync(ReadableStream.from(parts).pipeThrough(new TextLineStream(options)));
}

Deno.test("lines end at LF and CRLF, wherever the chunks are cut", async () => {
  const text = "one\r\ntwo\n\nthree\rstill\r\n\r\nlast";
  const expected = ["one", "two", "", "three\rstill", "", "last"];
  for (let size = 1; size <= text.length; size++) {
    const parts = Array.from(
      { length: Math.ceil(text.length / size) },
      (_, i) => text.slice(i * size, (i + 1) * size),
    );
    assertEquals(await lines(parts), expected, `chunks of ${size}`);
  }
});

Deno.test("lines end at a lone CR too where that is asked for", async () => {
  const text = "one\rtwo\r\nthree\n\rfour";
  for (const parts of [[text], [...text]]) {
    assertEquals(await lines(parts, { allowCR: true }), ["one", "two", "three", "", "four"]);
  }
});

Deno.test("a CR at the very end belongs to the last line, unless a lone CR ends lines", async () => {
  assertEquals(await lines(["one\r"]), ["one\r"]);
  assertEquals(await lines(["one\r"], { allowCR: true }), ["one"]);
});

Deno.test("the last line needs no end, and an end opens no empty line", async () => {
  assertEquals(await lines(["a\nb"]), ["a", "b"]);
  assertEquals(await lines(["a\nb\n"]), ["a", "b"]);
  assertEquals(await lines([]), []);
  assertEquals(await lines([""]), []);
});
