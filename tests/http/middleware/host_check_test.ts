import { assertEquals } from "@std/assert";
import { hostOf } from "../../../src/http/middleware/host_check.ts";
import { pathOf, targetOf } from "../../../src/http/request_target.ts";

/** As Deno.serve makes a request: its URL is put together, never parsed. */
function request(url: string, host?: string): Request {
  return { url, headers: new Headers(host === undefined ? {} : { host }) } as Request;
}

for (
  const [url, host, expected] of [
    ["http://Box.local:8080/x", "box.LOCAL:8080", "box.local"],
    ["http://localhost./x", "localhost.", "localhost"],
    ["http://[::1]:8080/x", "[::1]:8080", "[::1]"],
    ["http://localhost:8080/x", "", "localhost"],
    ["http://a", undefined, "a"],
    ["https://a:443?q", undefined, "a"],
    ["http://a/x", "b", undefined],
    ["http://a:80/x", "a", undefined],
    ["http://a/metrics?/x", "a/metrics?", undefined],
    ["http://u@a/x", undefined, undefined],
    ["http://a%41/x", "a%41", undefined],
    ["http://a:123456/x", "a:123456", undefined],
    ["http:///x", undefined, undefined],
  ] as const
) {
  Deno.test(`a request to ${url} with the Host ${host} is for ${expected}`, () => {
    assertEquals(hostOf(request(url, host)), expected);
  });
}

Deno.test("a target without a path is the root, whatever its query holds", () => {
  assertEquals([targetOf("http://a?x=/metrics"), pathOf("http://a?x=/metrics")], ["/?x=/metrics", "/"]);
  assertEquals([targetOf("http://a"), pathOf("http://a/b?c=/d")], ["/", "/b"]);
});
