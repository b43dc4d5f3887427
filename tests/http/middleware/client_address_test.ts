import { assertEquals } from "@std/assert";
import { TrustedProxies } from "../../../src/http/middleware/client_address.ts";

const proxies = new TrustedProxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);

const cases: readonly (readonly [what: string, remote: string, headers: Record<string, string>, client: string])[] = [
  ["nobody in front", "192.0.2.7", {}, "192.0.2.7"],
  ["a stranger who names another", "192.0.2.7", { "X-Forwarded-For": "1.2.3.4" }, "192.0.2.7"],
  ["a proxy that names nobody", "127.0.0.1", {}, "127.0.0.1"],
  ["a proxy with its client", "127.0.0.1", { "X-Forwarded-For": "192.0.2.7" }, "192.0.2.7"],
  ["what a client made up before", "10.1.2.3", { "X-Forwarded-For": "1.2.3.4, 192.0.2.7" }, "192.0.2.7"],
  ["two proxies", "10.1.2.3", { "X-Forwarded-For": "1.2.3.4,192.0.2.7, 10.9.9.9" }, "192.0.2.7"],
  ["a client that pretends to be a proxy", "10.1.2.3", { "X-Forwarded-For": "192.0.2.7, 10.9.9.9" }, "192.0.2.7"],
  ["proxies alone: the first of them asks", "10.1.2.3", { "X-Forwarded-For": "10.5.5.5, 10.9.9.9" }, "10.5.5.5"],
  ["no address in the list", "10.1.2.3", { "X-Forwarded-For": "1.2.3.4, unknown" }, "10.1.2.3"],
  ["nothing usable behind a known proxy", "10.1.2.3", { "X-Forwarded-For": "1.2.3.4, x, 10.9.9.9" }, "10.9.9.9"],
  ["an empty list", "10.1.2.3", { "X-Forwarded-For": "" }, "10.1.2.3"],
  ["a port behind IPv4", "10.1.2.3", { "X-Forwarded-For": "192.0.2.7:4711" }, "192.0.2.7"],
  ["IPv6 in brackets with a port", "fd00::1", { "X-Forwarded-For": "[2001:db8::7]:4711" }, "2001:db8::7"],
  ["IPv6, long", "fd00::1", { "X-Forwarded-For": "2001:0db8:0::0007" }, "2001:db8::7"],
  ["IPv4 within IPv6", "::ffff:10.1.2.3", { "X-Forwarded-For": "::ffff:192.0.2.7" }, "192.0.2.7"],
  ["another form of loopback is no address", "10.1.2.3", { "X-Forwarded-For": "0x7f.1" }, "10.1.2.3"],
  ["Forwarded", "10.1.2.3", { Forwarded: "for=1.2.3.4;proto=http, FOR=192.0.2.7;by=10.1.2.3" }, "192.0.2.7"],
  ["Forwarded, quoted", "10.1.2.3", { Forwarded: 'proto=https; for="[2001:db8::7]:4711"' }, "2001:db8::7"],
  ["Forwarded, hidden", "10.1.2.3", { Forwarded: "for=_hidden" }, "10.1.2.3"],
  [
    "Forwarded with a quote that a client left open",
    "10.1.2.3",
    { Forwarded: 'for="1.2.3.4, for=192.0.2.7' },
    "192.0.2.7",
  ],
  ["both: a proxy that sets one lets the other through", "10.1.2.3", {
    "X-Forwarded-For": "192.0.2.7",
    Forwarded: "for=1.2.3.4",
  }, "192.0.2.7"],
];

for (const [what, remote, headers, client] of cases) {
  Deno.test(`the client behind ${remote} is ${client}: ${what}`, () => {
    assertEquals(proxies.clientOf(remote, new Headers(headers)), client);
  });
}

Deno.test("without trusted proxies every address speaks for itself, also one that cannot be read", () => {
  const none = new TrustedProxies([]);
  assertEquals(none.clientOf("127.0.0.1", new Headers({ "X-Forwarded-For": "192.0.2.7" })), "127.0.0.1");
  assertEquals([none.trusts("127.0.0.1"), proxies.trusts("a"), proxies.trusts("10.1.2.3")], [false, false, true]);
});
