import { assertEquals, assertRejects } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import { ApiKeys } from "../../../src/http/middleware/api_keys.ts";

function request(key: string): Request {
  return new Request("http://modeld/models", { headers: { authorization: `Bearer ${key}` } });
}

Deno.test("a key is told by its place in the list", async () => {
  const keys = new ApiKeys(["sk-one", "sk-two"]);
  assertEquals([await keys.check(request("sk-one")), await keys.check(request("sk-two"))], [0, 1]);
});

Deno.test("of two thousand other keys none is taken for the right one", async () => {
  const keys = new ApiKeys(["sk-one"]);
  for (let i = 0; i < 2000; i++) await assertRejects(() => keys.check(request(`sk-${i}`)), ModeldError);
});
