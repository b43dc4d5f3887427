import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { infer } from "../support/ndjson_client.ts";

Deno.test("modeld demo streams a story to its end, prints how to ask for one, and leaves nothing behind", async () => {
  const modeld = await Daemon.start({ args: ["demo"] });
  try {
    await modeld.ready();
    const reply = await infer(modeld.url, { prompt: "Once upon a time", temperature: 0 });
    const last = await reply.last();
    assertEquals([reply.status, last.finish_reason], [200, "stop"]);
    assertMatch(last.content ?? "", /^, there .* named .*\.$/);
    assertStringIncludes(modeld.process.lines.join("\n"), "curl -N http://");
    assertStringIncludes(modeld.stderr, "demo engine");
  } finally {
    assertEquals((await modeld.stop()).code, 0);
  }
});
