import { assertEquals } from "@std/assert";
import { RawClient } from "./raw_client.ts";
import { withServer } from "./with_server.ts";

/*
 * What Deno.serve makes of requests that servers read differently from one another. Recorded, not chosen: modeld sees only
 * what Deno.serve lets through. None of them may ever count as two requests.
 */

const FINAL_CHUNK = "0\r\n\r\n";
const SECOND = "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n";

/** What is odd, the request's lines after its first, its body, and the status of the one reply. */
const cases: readonly (readonly [string, readonly string[], string, number])[] = [
  [
    "Content-Length and Transfer-Encoding",
    ["Content-Length: 4", "Transfer-Encoding: chunked"],
    FINAL_CHUNK + SECOND,
    400,
  ],
  [
    "Transfer-Encoding and Content-Length",
    ["Transfer-Encoding: chunked", "Content-Length: 4"],
    FINAL_CHUNK + SECOND,
    400,
  ],
  ["two Content-Lengths that differ", ["Content-Length: 4", "Content-Length: 50"], `abcd${SECOND}`, 400],
  ["two Content-Lengths in one line", ["Content-Length: 4, 4"], "abcd", 400],
  ["a Content-Length with a sign", ["Content-Length: +4"], "abcd", 400],
  ["a Content-Length beyond 64 bits", ["Content-Length: 99999999999999999999"], "abcd", 400],
  ["an unknown Transfer-Encoding", ["Transfer-Encoding: xchunked"], FINAL_CHUNK, 400],
  ["chunked before another encoding", ["Transfer-Encoding: chunked, identity"], FINAL_CHUNK, 400],
  ["a space before the colon", ["Content-Length : 4"], "abcd", 400],
  ["a folded header", ["A: b\r\n c"], "", 400],
  ["a NUL in a header", ["A: b\0c"], "", 400],
  ["two Hosts", ["Host: other"], "", 400],
];

for (const [name, headers, body, status] of cases) {
  Deno.test(`${name}: one reply, ${status}`, () =>
    withServer(async ({ port, fleet }) => {
      using client = await RawClient.connect(port);
      await client.send(["POST /infer HTTP/1.1", "Host: localhost", ...headers, "", ""].join("\r\n") + body);
      const reply = await client.readToEnd();
      assertEquals(reply.match(/HTTP\/1\.1 \d+/g), [`HTTP/1.1 ${status}`]);
      assertEquals(fleet.calls.length, 0);
    }));
}

Deno.test("lines that end in a bare LF are read as RFC 9112 allows: one reply", () =>
  withServer(async ({ port }) => {
    using client = await RawClient.connect(port);
    await client.send("GET /healthz HTTP/1.1\nHost: localhost\nConnection: close\n\n");
    assertEquals((await client.readToEnd()).match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200"]);
  }));

Deno.test("more headers than Deno.serve itself takes are its own plain 400", () =>
  withServer(async ({ port }) => {
    using client = await RawClient.connect(port);
    const headers = Array.from({ length: 200 }, (_, i) => `X-${i}: 1\r\n`).join("");
    await client.send(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
    assertEquals((await client.readToEnd()).slice(0, 12), "HTTP/1.1 400");
  }, { maxHeaderCount: 0 }));
