import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RawClient } from "./support/raw_client.ts";
import { play } from "./support/scenario.ts";

const HEAD = "POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

/** What is sent before and after modeld has begun to read the body. */
const BROKEN: Readonly<Record<string, readonly [string, string]>> = {
  "a size that is no number": [`${CHUNKED}3\r\n{"p\r\n`, "zz\r\nabc\r\n0\r\n\r\n"],
  "a chunk longer than it says": [`${CHUNKED}3\r\n{"p\r\n`, "3\r\nabcdef\r\n0\r\n\r\n"],
  "a size beyond 64 bits": [`${CHUNKED}3\r\n{"p\r\n`, "ffffffffffffffffff\r\nabc"],
};

const CUT: Readonly<Record<string, string>> = {
  "a body shorter than its Content-Length": `${HEAD}Content-Length: 20\r\n\r\n{"prompt":`,
  "chunks without the last": `${CHUNKED}3\r\n{"p\r\n`,
};

Deno.test("a body that is cut or badly framed is 400 to a client that is there, never 499", async () => {
  const count = Object.keys(BROKEN).length + Object.keys(CUT).length;
  await play({ outcomes: { "invalid queue": count }, posts: 0 }, async ({ modeld }) => {
    const begun = async () => (await modeld.get("/metrics")).text.includes('requests{path="/infer"} 1');
    for (const [what, [first, rest]] of Object.entries(BROKEN)) {
      using client = await RawClient.connect(modeld.url);
      await client.send(first);
      while (!await begun());
      await client.send(rest);
      assertRefused(what, await client.untilEnd());
    }
    for (const [what, bytes] of Object.entries(CUT)) {
      using client = await RawClient.connect(modeld.url);
      await client.send(bytes);
      await client.closeWrite();
      assertRefused(what, await client.untilEnd());
    }
    const { text } = await modeld.get("/metrics");
    assert(!/http_requests_total\{[^}]*status="499"/.test(text), text);
  });
});

function assertRefused(what: string, reply: string): void {
  assertEquals(reply.slice(0, 12), "HTTP/1.1 400", what);
  assertStringIncludes(reply, '"type":"invalid_request"', what);
}

Deno.test("a body with a Content-Encoding is 415 that says so, and is not decoded", async () => {
  await play({ outcomes: {}, posts: 0 }, async ({ modeld }) => {
    for (const encoding of ["gzip", "br", "identity, gzip", "x"]) {
      using client = await RawClient.connect(modeld.url);
      await client.postInfer({ prompt: "Once" }, `Content-Encoding: ${encoding}\r\nConnection: close\r\n`);
      const reply = await client.untilEnd();
      assertEquals(reply.slice(0, 12), "HTTP/1.1 415", encoding);
      assertStringIncludes(reply, "Content-Encoding");
    }
  });
});
