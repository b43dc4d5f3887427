import { assertEquals, assertRejects } from "@std/assert";
import { digestKey, plainClient } from "../../../src/base/client.ts";
import { ModeldError } from "../../../src/base/errors.ts";
import { Clients } from "../../../src/http/middleware/clients.ts";

const [one, other] = await Promise.all(["sk-one", "sk-other"].map(digestKey));
const CLIENTS = [plainClient("one", [one ?? ""]), plainClient("other", [other ?? ""])];

function request(headers: Record<string, string>): Request {
  return new Request("http://modeld.invalid/infer", { headers });
}

Deno.test("a client is known by its key, sent as OpenAI's or as Anthropic's clients send it", async () => {
  const clients = new Clients(() => CLIENTS);
  for (
    const headers of [{ authorization: "Bearer sk-other" }, { authorization: "bearer  sk-other" }, {
      "x-api-key": "sk-other",
    }]
  ) {
    assertEquals((await clients.identify(request(headers), "127.0.0.1")).name, "other");
  }
});

Deno.test("without a valid key nobody is known", async () => {
  const clients = new Clients(() => CLIENTS);
  for (const headers of [{ authorization: "Bearer sk-on" }, { authorization: "sk-one" }, { "x-api-key": "" }, {}]) {
    const error = await assertRejects(() => clients.identify(request(headers), "127.0.0.1"), ModeldError);
    assertEquals(error.kind, "unauthorized");
  }
});

Deno.test("without clients in the configuration each address is one", async () => {
  const clients = new Clients(() => []);
  assertEquals((await clients.identify(request({}), "192.0.2.7")).name, "192.0.2.7");
});

Deno.test("a key that was rotated out is unknown from the next request on", async () => {
  let present = CLIENTS;
  const clients = new Clients(() => present);
  const headers = { "x-api-key": "sk-one" };
  assertEquals((await clients.identify(request(headers), "127.0.0.1")).name, "one");
  present = CLIENTS.slice(1);
  await assertRejects(() => clients.identify(request(headers), "127.0.0.1"), ModeldError);
});
