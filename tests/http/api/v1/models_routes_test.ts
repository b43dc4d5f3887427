import { assertEquals } from "@std/assert";
import { digestKey, plainClient } from "../../../../src/base/client.ts";
import { ModeldError } from "../../../../src/base/errors.ts";
import type { CatalogModel } from "../../../../src/dispatch/fleet.ts";
import { withServer } from "../../with_server.ts";

const QWEN: CatalogModel = { id: "qwen3", aliases: ["gpt-4o"], state: "ready", contextLength: 4096, sinceUnix: 7 };
const UNLOADED: CatalogModel = { id: "org/b 1", aliases: [], state: "unloaded", sinceUnix: 5 };

const LISTED = [
  {
    id: "qwen3",
    object: "model",
    created: 7,
    owned_by: "llamacpp",
    aliases: ["gpt-4o"],
    status: { value: "ready" },
    meta: { n_ctx: 4096 },
    max_model_len: 4096,
    context_length: 4096,
  },
  { id: "org/b 1", object: "model", created: 5, owned_by: "llamacpp", aliases: [], status: { value: "unloaded" } },
];

Deno.test("/v1/models lists what the fleet has, as OpenAI's clients expect it", () =>
  withServer(async ({ url, fleet }) => {
    fleet.catalog = () => [QWEN, UNLOADED];
    assertEquals(await (await fetch(`${url}/v1/models`)).json(), { object: "list", data: LISTED });
  }));

Deno.test("/v1/models/{id} finds a model by its id, escaped or not, and by an alias; else it is OpenAI's 404", () =>
  withServer(async ({ url, fleet }) => {
    fleet.catalog = () => [QWEN, UNLOADED];
    for (const [path, expected] of [["qwen3", 0], ["gpt-4o", 0], ["org/b%201", 1], ["org%2Fb%201", 1]] as const) {
      assertEquals(await (await fetch(`${url}/v1/models/${path}`)).json(), LISTED[expected], path);
    }
    const missing = await fetch(`${url}/v1/models/100%`);
    assertEquals([missing.status, await missing.json()], [404, {
      error: { message: "model not found: 100%", type: "not_found_error", param: null, code: "model_not_found" },
    }]);
  }));

Deno.test("a client sees the models that it may use", async () => {
  const limited = { ...plainClient("one", [await digestKey("sk-one")]), models: ["gpt-4o"] };
  await withServer(async ({ url, fleet }) => {
    fleet.catalog = () => [QWEN, UNLOADED];
    const init = { headers: { "x-api-key": "sk-one" } };
    const { data } = await (await fetch(`${url}/v1/models`, init)).json();
    assertEquals(data.map(({ id }: { id: string }) => id), ["qwen3"]);
    const hidden = await fetch(`${url}/v1/models/org%2Fb%201`, init);
    await hidden.body?.cancel();
    assertEquals(hidden.status, 404);
  }, { clients: [limited] });
});

Deno.test("/props says what llama-server says of a loaded model, without its keys and paths", () =>
  withServer(async ({ url, fleet }) => {
    const asked: (string | undefined)[] = [];
    fleet.props = (model) => {
      asked.push(model);
      return Promise.resolve({
        total_slots: 2,
        chat_template: "{{ messages }}",
        model_path: "/srv/m.gguf",
        api_key: "secret",
        api_keys: ["secret"],
        slot_save_path: "/tmp",
        log_file: "/tmp/log",
        path: "/srv",
      });
    };
    const reply = await fetch(`${url}/props?model=org%2Fb`);
    assertEquals(await reply.json(), { total_slots: 2, chat_template: "{{ messages }}" });
    await (await fetch(`${url}/props`)).body?.cancel();
    assertEquals(asked, ["org/b", undefined]);

    fleet.props = () => Promise.reject(new ModeldError("loading", "model is not loaded: b", { retryAfterSeconds: 5 }));
    const refused = await fetch(`${url}/props?model=b`);
    await refused.body?.cancel();
    assertEquals([refused.status, refused.headers.get("retry-after-ms")], [503, "5000"]);
  }));
