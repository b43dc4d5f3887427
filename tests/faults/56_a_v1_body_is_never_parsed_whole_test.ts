import { assertEquals, assertStringIncludes } from "@std/assert";
import { play } from "./support/scenario.ts";
import { postV1 } from "./support/v1_client.ts";

const MIB = 2 ** 20;
const utf8 = new TextEncoder();

/** A body whose messages are as many repetitions of a pattern as fit. */
function bodyOf(start: string, pattern: string, bytes: number): Uint8Array {
  return utf8.encode(`{"messages":${start}${pattern.repeat(bytes / pattern.length)}`);
}

// The executable takes no flags of V8.
const ignore = Deno.env.has("MODELD_BIN");

Deno.test("32 MiB of empty objects, or of one deep tree, is 400, under a heap of 128 MB", { ignore }, async () => {
  const denoFlags = ["--v8-flags=--max-old-space-size=128"];
  const outcomes = { "invalid queue": 2 };
  await play({ denoFlags, outcomes, posts: 0 }, async ({ modeld }) => {
    const bodies = [
      [bodyOf("[", "{},", 31 * MIB), "100000"],
      [bodyOf("", "[", 31 * MIB), "level"],
    ] as const;
    for (const [body, says] of bodies) {
      const { status, text } = await postV1(modeld.url, "/v1/chat/completions", body);
      assertEquals(status, 400, text);
      assertStringIncludes(text.replaceAll(",", ""), says);
    }
  });
});

Deno.test("a body over --v1-max-body-bytes is refused without being held", async () => {
  await play(
    { modeld: ["--v1-max-body-bytes", "1000"], outcomes: { "invalid queue": 1 }, posts: 0 },
    async ({ modeld }) => {
      const { status, text } = await postV1(modeld.url, "/v1/chat/completions", bodyOf("[", "1,", MIB));
      assertEquals(status, 400);
      assertStringIncludes(text, "--v1-max-body-bytes");
    },
  );
});

Deno.test("a field that modeld reads and that is there twice is 400", async () => {
  await play({ outcomes: { "invalid queue": 4 }, posts: 0 }, async ({ modeld }) => {
    for (const field of ["model", "n", "stream", "id_slot"]) {
      const body = utf8.encode(`{"${field}":null,"prompt":"Once","${field}":null}`);
      const { status, text } = await postV1(modeld.url, "/v1/completions", body);
      assertEquals(status, 400, field);
      assertStringIncludes(text, field);
    }
  });
});
