import { assert, assertEquals } from "@std/assert";
import { configureLog } from "../../../src/telemetry/log.ts";
import type { ScriptedExchange } from "../fake_fleet.ts";
import { inferRequest, RawClient } from "../raw_client.ts";
import { parseLines, withServer } from "../with_server.ts";

/** The HTTP chunks of a raw reply. */
function httpChunks(raw: string): string[] {
  const body = raw.slice(raw.indexOf("\r\n\r\n") + 4);
  const chunks: string[] = [];
  for (let at = 0; at < body.length;) {
    const sizeEnd = body.indexOf("\r\n", at);
    const size = parseInt(body.slice(at, sizeEnd), 16);
    if (size === 0) break;
    chunks.push(body.slice(sizeEnd + 2, sizeEnd + 2 + size));
    at = sizeEnd + 2 + size + 2;
  }
  return chunks;
}

/** Pushes a fragment in each of `count` turns of the event loop, and completes. */
async function burst(exchange: ScriptedExchange, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    exchange.push(` ${i}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  exchange.complete();
}

Deno.test("a burst leaves in far fewer writes than it came in, each fragment still a line of its own, in order", () =>
  withServer(async ({ port, fleet }) => {
    fleet.script = (exchange) => void burst(exchange, 1000);
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi" }, "Connection: close"));
    const chunks = httpChunks(await client.readToEnd());
    assert(chunks.length < 200, `${chunks.length} writes for 1000 fragments`);
    const lines = parseLines(chunks.join("")) as { token?: string; content?: string }[];
    assertEquals(lines.length, 1001);
    assertEquals(lines.slice(0, 1000).map(({ token }) => token), Array.from({ length: 1000 }, (_, i) => ` ${i}`));
    assertEquals(lines[1000]?.content, Array.from({ length: 1000 }, (_, i) => ` ${i}`).join(""));
  }));

Deno.test("fragments that arrive together leave in one write, a line each", () =>
  withServer(async ({ port, fleet }) => {
    fleet.script = (exchange) => exchange.push("a", "b").complete();
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi" }, "Connection: close"));
    const chunks = httpChunks(await client.readToEnd());
    assertEquals(chunks[0]?.startsWith('{"token":"a"}\n{"token":"b"}\n'), true);
  }));

Deno.test("a reply of a million fragments is whole", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => {
      for (let i = 0; i < 1000; i++) exchange.push(...Array.from({ length: 1000 }, () => "x"));
      exchange.complete();
    };
    const text = await (await infer({ prompt: "hi" })).text();
    assertEquals(text.split("\n").length, 1_000_002);
    assertEquals(JSON.parse(text.slice(text.lastIndexOf("\n", text.length - 2))).content.length, 1_000_000);
  }));

Deno.test("text of any kind arrives unharmed", () =>
  withServer(async ({ infer, fleet }) => {
    const fragments = ['"', "\\", "\n", "\u2028", "\u0000", "é", "🎈", "\ud83c", "\udf88", "</script>"];
    fleet.script = (exchange) => exchange.push(...fragments).complete();
    const lines = parseLines(await (await infer({ prompt: "hi" })).text()) as { token?: string; content?: string }[];
    assertEquals(lines.slice(0, -1).map(({ token }) => token), fragments);
    assertEquals(lines.at(-1)?.content, fragments.join(""));
  }));

for (
  const [how, query, headers, logged] of [
    ["the daemon's level is info", "", {}, 0],
    ["?log=debug asks for it", "?log=debug", {}, 3],
    ["?log=1 asks for it", "?log=1", {}, 3],
    ["X-Log-Level: debug asks for it", "", { "X-Log-Level": "debug" }, 3],
    ["X-Log-Infer: 1 asks for it", "", { "X-Log-Infer": "1" }, 3],
    ["?log=off asks for silence", "?log=off", {}, 0],
  ] as const
) {
  for (const stream of [true, false]) {
    Deno.test(`the lines (stream ${stream}) are ${logged > 0 ? "" : "not "}logged where ${how}`, async () => {
      const written: string[] = [];
      configureLog({ level: "info", format: "json", write: (line) => written.push(line) });
      try {
        await withServer(async ({ infer }) => {
          const init = { query, headers: { "Content-Type": "application/json", ...headers } };
          await (await infer({ prompt: "hi", stream }, init)).text();
        });
        const lines = written.map((record) => JSON.parse(record).line).filter((line) => line !== undefined);
        assertEquals(lines.length, stream ? logged : Math.min(logged, 1));
        if (logged > 0) assertEquals(JSON.parse(String(lines.at(-1))).done, true);
      } finally {
        configureLog(undefined);
      }
    });
  }
}
