import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer } from "../support/ndjson_client.ts";

Deno.test("modeld demo streams a story to its end, prints how to ask for one, and leaves nothing behind", async () => {
  const modeld = await Daemon.start({ args: ["demo"] });
  try {
    await modeld.ready();
    const reply = await infer(modeld.url, { prompt: "Once upon a time", temperature: 0 });
    const last = await reply.last();
    assertEquals([reply.status, last.finish_reason], [200, "stop"]);
    assertMatch(last.content ?? "", /^, there .* named .*\.$/);
    assertStringIncludes(modeld.process.lines.join("\n"), `curl -N ${modeld.url.origin}/infer `);
    await eventually("its end is logged", () => modeld.stderr.includes(`"server":"demo"`));
    assertStringIncludes(modeld.process.stdoutLines.join("\n"), "It is for trying only.");
  } finally {
    assertEquals((await modeld.stop()).code, 0);
  }
});

Deno.test("modeld demo says which llama-server and which default model it leaves out", async () => {
  const env = { LLAMA_URL: "http://127.0.0.1:9", MODELD_DEFAULT_MODEL: "other" };
  const modeld = await Daemon.start({ args: ["demo"], env });
  try {
    await modeld.ready();
    const printed = modeld.process.stdoutLines.join("\n");
    assertStringIncludes(printed, "It does not use the llama-server at http://127.0.0.1:9/ or the default model other");
  } finally {
    assertEquals((await modeld.stop()).code, 0);
  }
});
