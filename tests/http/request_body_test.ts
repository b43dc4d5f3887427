import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeClock } from "../support/fake_clock.ts";
import { inferHead, inferRequest, RawClient } from "./raw_client.ts";
import { until, withServer } from "./with_server.ts";

const LIMIT = 1000;

/** A JSON body of exactly `size` bytes. */
function bodyOf(size: number): string {
  return JSON.stringify({ prompt: "x".repeat(size - '{"prompt":""}'.length) });
}

function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

for (
  const [framing, request] of [
    ["a Content-Length", (body: string) => inferHead(`Content-Length: ${body.length}`, "Connection: close") + body],
    ["chunks", (body: string) => inferHead("Transfer-Encoding: chunked", "Connection: close") + chunked(body)],
  ] as const
) {
  Deno.test(`a body of exactly the limit, with ${framing}, is served`, () =>
    withServer(async ({ port }) => {
      using client = await RawClient.connect(port);
      await client.send(request(bodyOf(LIMIT)));
      assertStringIncludes(await client.readToEnd(), "HTTP/1.1 200");
    }, { maxBodyBytes: LIMIT }));

  Deno.test(`a body one byte over the limit, with ${framing}, is 400 and never reaches the fleet`, () =>
    withServer(async ({ port, fleet, observer }) => {
      using client = await RawClient.connect(port);
      await client.send(request(bodyOf(LIMIT + 1)));
      await client.readUntil("}");
      assertStringIncludes(client.received, "HTTP/1.1 400");
      assertStringIncludes(client.received, "the body is over the limit of 1000 bytes (--max-body-bytes)");
      assertEquals(await observer.outcomes(), ["invalid"]);
      assertEquals(fleet.calls.length, 0);
    }, { maxBodyBytes: LIMIT }));
}

Deno.test("a body that says it is too long is refused before a byte of it came", () =>
  withServer(async ({ port }) => {
    using client = await RawClient.connect(port);
    await client.send(inferHead("Content-Length: 1001"));
    await client.readUntil("}");
    assertStringIncludes(client.received, "HTTP/1.1 400");
  }, { maxBodyBytes: LIMIT }));

Deno.test("a chunked body without end is refused once it is over the limit", () =>
  withServer(async ({ port }) => {
    using client = await RawClient.connect(port);
    await client.send(inferHead("Transfer-Encoding: chunked") + `7d0\r\n${"x".repeat(2000)}\r\n`);
    await client.readUntil("}");
    assertStringIncludes(client.received, "HTTP/1.1 400");
  }, { maxBodyBytes: LIMIT }));

for (const [framing, half] of [["Content-Length: 20", '{"pro'], ["Transfer-Encoding: chunked", "14\r\nabc"]] as const) {
  Deno.test(`half a body (${framing}) is 408 at the body deadline, not before`, async () => {
    const clock = new FakeClock();
    await withServer(async ({ port, observer, metrics }) => {
      using client = await RawClient.connect(port);
      await client.send(inferHead(framing) + half);
      await until(() => clock.pendingTimers > 0);
      await clock.tick(9_999);
      assertEquals(observer.results, []);
      await clock.tick(1);
      await client.readUntil("}");
      assertStringIncludes(client.received, "HTTP/1.1 408");
      assertStringIncludes(client.received, "the request body did not arrive within 10000 ms (--body-timeout)");
      assertStringIncludes(client.received.toLowerCase(), "connection: close");
      assertEquals(await observer.outcomes(), ["timeout"]);
      client.close();
      await metrics.idle();
      assertEquals(clock.pendingTimers, 0);
    }, { clock, bodyTimeout: 10_000 });
  });
}

Deno.test("a client that leaves with half its body sent counts as one that sent it wrong: Deno does not tell the two apart", () =>
  withServer(async ({ port, observer, fleet }) => {
    using client = await RawClient.connect(port);
    await client.send(inferHead("Content-Length: 20") + '{"pro');
    await until(() => observer.running > 0);
    client.close();
    assertEquals(await observer.outcomes(), ["invalid"]);
    assertEquals(fleet.calls.length, 0);
  }));

Deno.test("a client that half-closes after its request is treated as gone", () =>
  withServer(async ({ port, fleet, observer }) => {
    fleet.script = (exchange) => exchange.push("a");
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi" }));
    await client.readUntil('{"token":"a"}');
    await client.halfClose();
    assertEquals(await observer.outcomes(), ["cancelled"]);
    assertEquals(fleet.inUse, 0);
  }));

Deno.test("a request that arrives byte by byte is served", () =>
  withServer(async ({ port }) => {
    using client = await RawClient.connect(port);
    for (const byte of inferRequest({ prompt: "hi" }, "Connection: close")) await client.send(byte);
    assertStringIncludes(await client.readToEnd(), '"done":true');
  }));
