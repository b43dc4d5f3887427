import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { playEach } from "./support/apis.ts";
import { RawClient } from "./support/raw_client.ts";

function head(path: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
}

const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";

/** What is sent before and after modeld has begun to read the body. */
const BROKEN: Readonly<Record<string, readonly [string, string]>> = {
  "a size that is no number": [`${CHUNKED}3\r\n{"p\r\n`, "zz\r\nabc\r\n0\r\n\r\n"],
  "a chunk longer than it says": [`${CHUNKED}3\r\n{"p\r\n`, "3\r\nabcdef\r\n0\r\n\r\n"],
  "a size beyond 64 bits": [`${CHUNKED}3\r\n{"p\r\n`, "ffffffffffffffffff\r\nabc"],
};

const CUT: Readonly<Record<string, string>> = {
  "a body shorter than its Content-Length": `Content-Length: 20\r\n\r\n{"prompt":`,
  "chunks without the last": `${CHUNKED}3\r\n{"p\r\n`,
};

Deno.test("a body that is cut or badly framed is 400 to a client that is there, never 499", async () => {
  const count = Object.keys(BROKEN).length + Object.keys(CUT).length;
  await playEach({ outcomes: { "invalid queue": count }, posts: 0 }, async ({ modeld, api: { path } }) => {
    const begun = async () => (await modeld.get("/metrics")).text.includes(`requests{path="${path}"} 1`);
    for (const [what, [first, rest]] of Object.entries(BROKEN)) {
      using client = await RawClient.connect(modeld.url);
      await client.send(head(path) + first);
      while (!await begun());
      await client.send(rest);
      assertRefused(what, await client.untilEnd());
    }
    for (const [what, bytes] of Object.entries(CUT)) {
      using client = await RawClient.connect(modeld.url);
      await client.send(head(path) + bytes);
      await client.closeWrite();
      assertRefused(what, await client.untilEnd());
    }
    const { text } = await modeld.get("/metrics");
    assert(!/http_requests_total\{[^}]*status="499"/.test(text), text);
  });
});

function assertRefused(what: string, reply: string): void {
  assertEquals(reply.slice(0, 12), "HTTP/1.1 400", what);
  assertMatch(reply, /"(type|code)":"invalid_request"/, what);
}

Deno.test("a body with a Content-Encoding is 415 that says so, and is not decoded", async () => {
  await playEach({ outcomes: {}, posts: 0 }, async ({ modeld, api }) => {
    for (const encoding of ["gzip", "br", "identity, gzip", "x"]) {
      using client = await RawClient.connect(modeld.url);
      await client.post(api.path, api.body("Once"), `Content-Encoding: ${encoding}\r\nConnection: close\r\n`);
      const reply = await client.untilEnd();
      assertEquals(reply.slice(0, 12), "HTTP/1.1 415", encoding);
      assertStringIncludes(reply, "Content-Encoding");
    }
  });
});
