import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { replyJson } from "../../support/replies.ts";
import { errorBody } from "../../support/wire_streams.ts";
import { never, withFake } from "../server_under_test.ts";

Deno.test("health is ready when the server is", async () => {
  await withFake({}, async (_, llama) => assertEquals(await llama.health(never), "ready"));
});

Deno.test("health is loading while the server loads its model", async () => {
  await withFake({}, async (fake, llama) => {
    fake.loading = true;
    assertEquals(await llama.health(never), "loading");
  });
});

Deno.test("health fails for any other answer", async () => {
  await withFake({}, async (fake, llama) => {
    for (
      const [status, kind] of [[500, "upstream_error"], [404, "upstream_refused"], [403, "upstream_refused"]] as const
    ) {
      fake.on("GET /health", (exchange) => replyJson(exchange, status, "no"));
      assertEquals((await assertRejects(() => llama.health(never), ModeldError)).kind, kind);
    }
  });
});

Deno.test("a server with one model is described with its slots and build", async () => {
  await withFake({ slots: 3 }, async (_, llama) => {
    assertEquals(await llama.describe(never), { kind: "single", build: "b11669-fake", totalSlots: 3 });
  });
});

Deno.test("a router is described with its limits", async () => {
  await withFake({ router: { maxInstances: 2, autoload: false } }, async (_, llama) => {
    const build = "b11669-fake";
    assertEquals(await llama.describe(never), { kind: "router", build, maxInstances: 2, autoload: false });
  });
});

Deno.test("a server without a list of models is native", async () => {
  await withFake({ openai: false }, async (_, llama) => {
    assertEquals((await llama.describe(never)).kind, "native");
    assertEquals(await llama.models(never), undefined);
  });
});

Deno.test("a server without /props can be described, too", async () => {
  await withFake({}, async (fake, llama) => {
    fake.on("GET /props", (exchange) => replyJson(exchange, 404, errorBody(404, "File Not Found")));
    assertEquals(await llama.describe(never), { kind: "single" });
    assertEquals(await llama.capacity("tiny", never), {});
  });
});

Deno.test("a server that is loading cannot be described yet", async () => {
  await withFake({}, async (fake, llama) => {
    const loading = errorBody(503, "Loading model", "unavailable_error");
    fake.on("GET /props", (exchange) => replyJson(exchange, 503, loading));
    assertEquals((await assertRejects(() => llama.describe(never), ModeldError)).kind, "loading");
  });
});

Deno.test("describing a server is enough for a generation to know its endpoints", async () => {
  await withFake({}, async (fake, llama) => {
    await llama.describe(never);
    (await llama.generate({ prompt: "Once" }, never)).cancel();
    assertEquals(fake.requests.filter(({ path }) => path === "/v1/models").length, 1);
  });
});

Deno.test("the model of a single server is loaded, with its size and its file", async () => {
  await withFake({ models: ["one"] }, async (_, llama) => {
    assertEquals(await llama.models(never), [
      { id: "one", aliases: [], state: "loaded", sizeBytes: 1_171_200, contextLength: 2048, path: "/models/one.gguf" },
    ]);
  });
});

Deno.test("the model of a single server is loading while it has no meta", async () => {
  await withFake({}, async (fake, llama) => {
    const entry = { id: "/models/one.gguf", aliases: ["/models/one.gguf", "one"], meta: null };
    fake.on("GET /v1/models", (exchange) => replyJson(exchange, 200, { data: [entry] }));
    const loading = errorBody(503, "Loading model", "unavailable_error");
    fake.on("GET /props", (exchange) => replyJson(exchange, 503, loading));
    assertEquals(await llama.models(never), [{ id: "/models/one.gguf", aliases: ["one"], state: "loading" }]);
  });
});

/** The states of a router's models, in its words and in ours. */
const STANDINGS = [
  [{ value: "unloaded" }, { state: "unloaded" }],
  [{ value: "loading" }, { state: "loading" }],
  [{ value: "loaded" }, { state: "loaded" }],
  [{ value: "sleeping" }, { state: "loaded" }],
  [{ value: "unloaded", exit_code: 0 }, { state: "unloaded" }],
  [{ value: "a word of a later build" }, { state: "unloaded" }],
  [{ value: "unloaded", failed: true, exit_code: 1 }, {
    state: "failed",
    reason: "the model's process ended with exit code 1; llama-server's log says why",
  }],
] as const;

Deno.test("the models of a router stand as it says, with the file each would be loaded from", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    for (const [status, standing] of STANDINGS) {
      const entry = {
        id: "a",
        aliases: [],
        status: { ...status, args: ["llama-server", "--model", "/models/a.gguf"] },
      };
      fake.on("GET /v1/models", (exchange) => replyJson(exchange, 200, { data: [entry] }));
      assertEquals(await llama.models(never), [{ id: "a", aliases: [], ...standing, path: "/models/a.gguf" }]);
    }
  });
});

Deno.test("a detail that is not as expected is unknown, and no reason to do without the server", async () => {
  await withFake({}, async (fake, llama) => {
    const props = { total_slots: 3, build_info: null, model_path: 7, default_generation_settings: null };
    fake.on("GET /props", (exchange) => replyJson(exchange, 200, props));
    const entry = { id: "m", aliases: null, meta: { size: "5 GB", n_ctx: 512 } };
    fake.on("GET /v1/models", (exchange) => replyJson(exchange, 200, { data: [entry] }));
    assertEquals(await llama.describe(never), { kind: "single", totalSlots: 3 });
    fake.on("GET /props", (exchange) => replyJson(exchange, 200, { ...props, total_slots: 0 }));
    assertEquals(await llama.describe(never), { kind: "single" }, "no slots at all would serve nobody");
    assertEquals(await llama.models(never), [{ id: "m", aliases: [], state: "loaded", contextLength: 512 }]);
  });
});

Deno.test("a list that is none is a protocol error with what was sent", async () => {
  await withFake({}, async (fake, llama) => {
    for (const body of ["<html>login</html>", "[]", '{"data":[{"name":"x"}]}']) {
      fake.on("GET /v1/models", (exchange) => replyJson(exchange, 200, body));
      const error = await assertRejects(() => llama.models(never), ModeldError);
      assertEquals(error.kind, "protocol");
      assertStringIncludes(error.message, body);
    }
  });
});

Deno.test("the capacity of a single server is its slots and context", async () => {
  await withFake({ slots: 3 }, async (_, llama) => {
    assertEquals(await llama.capacity("tiny", never), { slots: 3, contextLength: 2048 });
  });
});

Deno.test("the capacity of a router's model is asked without loading it", async () => {
  await withFake({ router: {}, models: ["a b"] }, async (fake, llama) => {
    await assertRejects(() => llama.capacity("a b", never), ModeldError, "model is not loaded");
    assertEquals(fake.router?.stateOf("a b"), "unloaded");
    await llama.load("a b", never);
    assertEquals(await llama.capacity("a b", never), { slots: 4, contextLength: 2048 });
    assertEquals(fake.requests.at(-1)?.target, "/props?model=a%20b&autoload=false");
  });
});

Deno.test("a question ends with its signal's reason", async () => {
  await withFake({}, async (fake, llama) => {
    fake.on("GET /health", (exchange) => exchange.gone);
    const asker = new AbortController();
    const asked = llama.health(asker.signal);
    asker.abort("enough");
    await asked.then(() => {
      throw new Error("answered");
    }, (reason) => assertEquals(reason, "enough"));
  });
});

Deno.test("an answer that is cut off is an upstream error", async () => {
  await withFake({}, async (fake, llama) => {
    fake.on("GET /v1/models", async (exchange) => {
      await exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
      await exchange.close();
    });
    assertEquals((await assertRejects(() => llama.models(never), ModeldError)).kind, "upstream_error");
  });
});

Deno.test("an answer to a question from before the server was forgotten is not kept", async () => {
  await withFake({}, async (fake, llama) => {
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
    fake.on("GET /v1/models", async (exchange) => {
      await later;
      await replyJson(exchange, 404, errorBody(404, "File Not Found"));
    });
    const before = llama.generate({ prompt: "Once" }, never);
    await eventually("the server was asked", () => fake.requests.length === 1);
    llama.forget();
    fake.on("GET /v1/models", undefined);
    goOn();
    (await before).cancel();
    (await llama.generate({ prompt: "Once" }, never)).cancel();
    assertEquals(fake.posts.map(({ path }) => path), ["/completion", "/v1/completions"]);
  });
});
