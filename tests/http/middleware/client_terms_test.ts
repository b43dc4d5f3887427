import { assertEquals } from "@std/assert";
import { type Client, digestKey, plainClient } from "../../../src/base/client.ts";
import { type TestServer, withServer } from "../with_server.ts";

const digest = await digestKey("sk-one");

function asClient(terms: Partial<Client>, test: (server: TestServer) => Promise<void>): Promise<void> {
  return withServer(test, { clients: [{ ...plainClient("one", [digest]), ...terms }] });
}

const headers = { "content-type": "application/json", authorization: "Bearer sk-one" };

for (
  const [own, asked, given] of [
    ["default", { service_tier: "flex" }, "batch"],
    ["default", { service_tier: "priority" }, "default"],
    ["interactive", { priority: "default", service_tier: "flex" }, "batch"],
    ["batch", { priority: "interactive" }, "batch"],
    ["interactive", { priority: 3, service_tier: "auto" }, "interactive"],
  ] as const
) {
  Deno.test(`a client of class ${own} that asks with ${JSON.stringify(asked)} is served as ${given}`, () =>
    asClient({ priority: own }, async ({ url, fleet }) => {
      const body = JSON.stringify({ prompt: "Once", ...asked });
      const reply = await fetch(`${url}/v1/completions`, { method: "POST", body, headers });
      await reply.body?.cancel();
      assertEquals(fleet.calls.map(({ context }) => context.priority), [given]);
    }));
}

Deno.test("/infer takes a class from its body and from X-Modeld-Priority, the lower of the two", async () => {
  for (
    const [own, priority, header, given] of [
      ["interactive", "default", undefined, "default"],
      ["interactive", "default", "batch", "batch"],
      ["interactive", "batch", "default", "batch"],
      ["batch", "interactive", "interactive", "batch"],
      ["default", "urgent", "urgent", "default"],
    ] as const
  ) {
    await asClient({ priority: own }, async ({ infer, fleet }) => {
      const more = header === undefined ? {} : { "x-modeld-priority": header };
      const reply = await infer({ prompt: "Once", priority }, { headers: { ...headers, ...more } });
      await reply.body?.cancel();
      assertEquals([reply.headers.get("x-modeld-ignored"), fleet.calls[0]?.context.priority], [null, given]);
    });
  }
});

Deno.test("a client sees the models that it may use, and no other", () =>
  asClient({ models: ["qwen*"] }, async ({ url, fleet }) => {
    fleet.modelList = ["qwen3", "llama"].map((id) => ({ id, name: id, path: "", quant: "" }));
    const get = (path: string) => fetch(`${url}${path}`, { headers });
    const ids = (models: readonly { id: string }[]) => models.map(({ id }) => id);
    assertEquals(ids((await (await get("/models")).json()).models), ["qwen3"]);
    assertEquals(ids((await (await get("/v1/models")).json()).data), ["qwen3"]);
    const [mine, other] = [await get("/v1/models/qwen3"), await get("/v1/models/llama")];
    await Promise.all([mine, other].map((reply) => reply.body?.cancel()));
    assertEquals([mine.status, other.status], [200, 404]);
  }));
