import { assertEquals, assertMatch } from "@std/assert";
import { RawClient } from "./support/raw_client.ts";
import { isBefore } from "../support/runtime.ts";
import { play } from "./support/scenario.ts";

const HOSTS = [
  "a/metrics?",
  "localhost/status",
  "a?x",
  "a#x",
  "user@localhost",
  "local host",
  "localhost\\x",
  "[::1",
  "localhost:port",
  "h\u00e9te",
];

/** Request lines and header lines, and what the answer's status is. */
const TARGETS: readonly (readonly [line: string, headers: string, status: number])[] = [
  ["GET /healthz HTTP/1.1", "", 200],
  ["GET /healthz HTTP/1.0", "", 200],
  ["GET /healthz HTTP/1.1", "Host: LOCALHOST:80\r\n", 200],
  ["GET /healthz HTTP/1.1", "Host: [::1]:8080\r\n", 200],
  ["GET http://localhost/healthz HTTP/1.1", "Host: localhost\r\n", 200],
  ["GET http://localhost/healthz HTTP/1.1", "Host: 127.0.0.1\r\n", 400],
  ["GET http://user@localhost/healthz HTTP/1.1", "", 400],
  ["GET http://localhost?/nowhere HTTP/1.1", "Host: localhost\r\n", 200],
  // Deno up to 2.6 makes a URL without a host of it.
  ...isBefore("2.9") ? [] : [["GET /healthz HTTP/1.1", "Host:\r\n", 200]] as const,
];

async function ask(url: URL, request: string): Promise<string> {
  using client = await RawClient.connect(url);
  await client.send(request);
  await client.until("\r\n\r\n");
  return client.text;
}

Deno.test("a Host that is no host, or not the target's, is 400; the route never comes from it, and none is needed", async () => {
  await play({ outcomes: {}, posts: 0 }, async ({ modeld }) => {
    for (const host of HOSTS) {
      const reply = await ask(modeld.url, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assertMatch(reply, /^HTTP\/1\.1 400 /, host);
    }
    for (const [line, headers, status] of TARGETS) {
      const reply = await ask(modeld.url, `${line}\r\n${headers}Connection: close\r\n\r\n`);
      assertEquals(Number(reply.slice(9, 12)), status, `${line} ${headers}`);
    }
  });
});
