import { assertEquals, assertRejects } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import { replyJson } from "../../support/replies.ts";
import { errorBody } from "../../support/wire_streams.ts";
import { never, withFake } from "../server_under_test.ts";

Deno.test("a model is loaded and unloaded when asked", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    await llama.load("tiny", never);
    assertEquals(fake.router?.stateOf("tiny"), "loaded");
    await llama.unload("tiny", never);
    assertEquals(fake.router?.stateOf("tiny"), "unloaded");
  });
});

Deno.test("loading a model that is loading or loaded already is fine, although the router refuses it", async () => {
  await withFake({ router: { loadDelay: Infinity } }, async (fake, llama) => {
    await llama.load("tiny", never);
    fake.on("POST /models/load", (exchange) => replyJson(exchange, 400, errorBody(400, "model is already running")));
    await llama.load("tiny", never);
    fake.router?.finishLoad("tiny");
    await llama.load("tiny", never);
  });
});

Deno.test("unloading a model that is not loaded is fine, although the router refuses it", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    fake.on("POST /models/unload", (exchange) => replyJson(exchange, 400, errorBody(400, "model is not running")));
    await llama.unload("tiny", never);
  });
});

Deno.test("a refusal to load for another reason is an error", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    fake.on("POST /models/load", (exchange) => replyJson(exchange, 400, errorBody(400, "no room")));
    const error = await assertRejects(() => llama.load("tiny", never), ModeldError, "no room");
    assertEquals(error.kind, "upstream_invalid");
  });
});

for (const status of [400, 404]) {
  Deno.test(`a model that the router does not list is not found (its answer: ${status})`, async () => {
    await withFake({ router: {} }, async (fake, llama) => {
      for (const action of ["load", "unload"] as const) {
        fake.on(`POST /models/${action}`, (exchange) => replyJson(exchange, status, errorBody(status, "no")));
        const error = await assertRejects(() => llama[action]("nope", never), ModeldError, "nope");
        assertEquals(error.kind, "model_not_found");
      }
    });
  });
}

Deno.test("a server that is no router refuses to load its model", async () => {
  await withFake({}, async (_, llama) => {
    const error = await assertRejects(() => llama.load("tiny", never), ModeldError, "POST /models/load");
    assertEquals(error.kind, "upstream_refused");
  });
});
