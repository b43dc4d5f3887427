import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { assertRefused } from "../support/assert_reply.ts";
import { infer } from "../support/ndjson_client.ts";
import { residentMb } from "../support/process_inspection.ts";
import { playEach } from "./support/apis.ts";
import { RawClient } from "./support/raw_client.ts";
import { play } from "./support/scenario.ts";

const MB = 2 ** 20;

/** The limits that hold for the two kinds of path. */
const LIMITS = ["--max-body-bytes", String(MB), "--v1-max-body-bytes", String(MB)];

function head(path: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
}

Deno.test("a body that announces more than the limit is 400 before it is sent", async () => {
  await playEach({ modeld: LIMITS, outcomes: { "invalid queue": 1 }, posts: 0 }, async ({ modeld, api }) => {
    using client = await RawClient.connect(modeld.url);
    await client.send(`${head(api.path)}Content-Length: ${1_000 * MB}\r\n\r\n`);
    await client.until(':"invalid_request"');
    assert(client.text.startsWith("HTTP/1.1 400 Bad Request\r\n"), client.text);
  });
});

Deno.test("a body without a length is 400 once it passes the limit, and no more than the limit is held", async () => {
  await playEach({ modeld: LIMITS, outcomes: { "invalid queue": 1 }, posts: 0 }, async ({ modeld, api }) => {
    const before = await residentMb(modeld.process.pid);
    using client = await RawClient.connect(modeld.url);
    await client.send(`${head(api.path)}Transfer-Encoding: chunked\r\n\r\n`);
    const piece = `10000\r\n${" ".repeat(2 ** 16)}\r\n`;
    const pouring = (async () => {
      for (let sent = 0; sent < 200 * MB; sent += piece.length) await client.send(piece);
    })().catch(() => {}); // an answer may come with the end of the connection
    await client.until(':"invalid_request"');
    assert(client.text.startsWith("HTTP/1.1 400 Bad Request\r\n"), client.text);
    assertStringIncludes(client.text, "limit of 1048576 bytes");
    await pouring;
    const growth = await residentMb(modeld.process.pid) - before;
    assert(growth < 60, `memory grew by ${growth} MB`);
  });
});

Deno.test("a body of exactly the limit is accepted", async () => {
  await play(
    { modeld: ["--max-body-bytes", "1000"], outcomes: { "ok stream": 1, "invalid queue": 1 }, posts: 1 },
    async ({ modeld }) => {
      const frame = JSON.stringify({ prompt: "" }).length;
      const exact = await infer(modeld.url, { prompt: "x".repeat(1_000 - frame) });
      assertEquals((await exact.last()).done, true);
      const over = await infer(modeld.url, { prompt: "x".repeat(1_001 - frame) });
      await assertRefused(over, { code: 400, type: "invalid_request", says: "limit of 1000 bytes" });
    },
  );
});
