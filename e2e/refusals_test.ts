import { assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { withStack } from "./support/stack.ts";

for (const mode of [[], ["--llama-chat"], ["--llama-use-openai=false"]]) {
  Deno.test(`a prompt beyond the context is 400 with llama-server's message (${mode[0] ?? "default"})`, async () => {
    await withStack({ llama: ["-c", "512"], modeld: mode }, async ({ modeld }) => {
      const reply = await infer(modeld.url, { prompt: "word ".repeat(400), max_tokens: 4 });
      assertEquals(reply.status, 400);
      const error = await reply.last();
      assertEquals([error.code, error.type, error.upstream_type], [
        400,
        "upstream_invalid",
        "exceed_context_size_error",
      ]);
      assertStringIncludes(error.error ?? "", "context size");
    });
  });
}

Deno.test("a wrong key is 503 upstream_refused, and the key stands in neither reply nor log", async () => {
  await withStack(
    { llama: ["--api-key", "the-right-key"], modeld: ["--llama-api-key", "the-right-key"] },
    async ({ llama }) => {
      const modeld = await Daemon.start({
        args: ["--llama-url", llama.url.href, "--preflight=off"],
        env: { LLAMA_API_KEY: "a-wrong-key" },
      });
      try {
        let reply = await infer(modeld.url, { prompt: "Once", max_tokens: 4 });
        await eventually("modeld has looked at llama-server", async () => {
          if ((await reply.last()).type !== "loading") return true;
          reply = await infer(modeld.url, { prompt: "Once", max_tokens: 4 });
          return false;
        });
        assertEquals([reply.status, (await reply.last()).type], [503, "upstream_refused"]);
        assertEquals(`${reply.text}${modeld.stderr}`.includes("a-wrong-key"), false);
      } finally {
        await modeld.stop();
      }
    },
  );
});

Deno.test("the right key streams", async () => {
  await withStack({ llama: ["--api-key", "the-key"], modeld: ["--llama-api-key", "the-key"] }, async ({ modeld }) => {
    const last = await (await infer(modeld.url, { prompt: "Once", max_tokens: 4 })).last();
    assertEquals(last.done, true);
  });
});
