import { assertEquals, assertStringIncludes } from "@std/assert";
import { RawClient } from "./support/raw_client.ts";
import { play } from "./support/scenario.ts";

/** Status and text of the answer to a request under this name. */
async function statusUnder(url: URL, host: string): Promise<[status: number, text: string]> {
  using client = await RawClient.connect(url);
  await client.send(`GET /status HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nConnection: close\r\n\r\n`);
  const text = await client.untilEnd();
  return [Number(text.slice(9, 12)), text];
}

const OWN = [
  "127.0.0.1",
  "127.0.0.1:9",
  "[::1]:9",
  "10.1.2.3",
  "localhost",
  "a.localhost:9",
  "box.local",
  "x.internal.",
];
const STRANGE = [
  "evil.example",
  "evil.example:8080",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "notlocal",
  "127.1",
];

Deno.test("on loopback without keys a strange Host is 403 that names the flag; private names and addresses are served", async () => {
  await play({ outcomes: {}, posts: 0 }, async ({ modeld }) => {
    for (const host of OWN) assertEquals((await statusUnder(modeld.url, host))[0], 200, host);
    for (const host of STRANGE) {
      const [status, text] = await statusUnder(modeld.url, host);
      assertEquals(status, 403, host);
      assertStringIncludes(text, '"type":"forbidden_host"');
      assertStringIncludes(text, "--allowed-hosts");
    }
  });
});

for (
  const [what, flags, host, expected] of [
    ["a name in --allowed-hosts", ["--allowed-hosts=chat.example,b"], "Chat.Example:8080", 200],
    ["another name beside --allowed-hosts", ["--allowed-hosts=chat.example,b"], "a.chat.example", 403],
    ["any name with --allowed-hosts=*", ["--allowed-hosts=*"], "evil.example", 200],
    ["any name behind a trusted proxy", ["--trusted-proxies=127.0.0.0/8"], "evil.example", 200],
    ["any name where the trusted proxy is another", ["--trusted-proxies=10.0.0.0/8"], "evil.example", 403],
  ] as const
) {
  Deno.test(`${what} is ${expected}`, async () => {
    await play({ outcomes: {}, posts: 0, modeld: flags }, async ({ modeld }) => {
      assertEquals((await statusUnder(modeld.url, host))[0], expected);
    });
  });
}
