import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import { connectLlamaServer, type LlamaTerms } from "../../../src/llama/connect.ts";
import type { LlamaServer } from "../../../src/llama/llama_server.ts";
import { FakeLlamaHttpServer } from "../../support/fake_llama_http_server.ts";
import { replyJson } from "../../support/replies.ts";
import { errorBody } from "../../support/wire_streams.ts";
import { BlackHole } from "../black_hole.ts";
import { never, readAll } from "../server_under_test.ts";

const REQUEST = { prompt: "Once" };

const NONE: LlamaTerms = {
  timeout: 0,
  connectTimeout: 0,
  firstTokenTimeout: 0,
  idleTimeout: 0,
  useOpenai: true,
  chat: false,
};

/** Runs a test with a way to a fake server, and what changes the terms on which it is used. */
async function withTerms(
  test: (fake: FakeLlamaHttpServer, llama: LlamaServer, change: (terms: Partial<LlamaTerms>) => void) => Promise<void>,
): Promise<void> {
  const fake = await FakeLlamaHttpServer.start();
  let terms = NONE;
  const llama = connectLlamaServer({ url: fake.url, terms: () => terms });
  try {
    await test(fake, llama, (changed) => terms = { ...NONE, ...changed });
  } finally {
    llama.close();
    await fake.close();
  }
}

Deno.test("another deadline holds for the next request; one that runs keeps its own", () =>
  withTerms(async (fake, llama, change) => {
    const taken = fake.take();
    const before = llama.generate(REQUEST, never);
    const exchange = await taken;
    for (const [name, kind] of [["timeout", "llama_timeout"], ["firstTokenTimeout", "first_token_timeout"]] as const) {
      change({ [name]: 64 });
      fake.next((exchange) => exchange.gone);
      assertEquals((await assertRejects(() => llama.generate(REQUEST, never), ModeldError)).kind, kind);
    }
    await replyJson(exchange, 200, { choices: [{ text: "at last", index: 0, finish_reason: "stop" }] });
    assertEquals((await readAll(await before)).fragments, ["at last"]);
  }));

Deno.test("another connect deadline holds for the next request", async () => {
  const hole = await BlackHole.open();
  let connectTimeout = 0;
  const llama = connectLlamaServer({ url: hole.url, terms: () => ({ ...NONE, useOpenai: false, connectTimeout }) });
  try {
    const left = new AbortController();
    const before = assertRejects(() => llama.generate(REQUEST, left.signal));
    connectTimeout = 200;
    const error = await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
    assertEquals(error.kind, "unreachable");
    assertStringIncludes(error.message, "within 200 ms (--llama-connect-timeout)");
    left.abort(new ModeldError("cancelled", "enough"));
    await before;
  } finally {
    llama.close();
    hole.close();
  }
});

Deno.test("another key goes with the next request, and neither it nor the one before is ever quoted", () =>
  withTerms(async (fake, llama, change) => {
    const keys: (string | null | undefined)[] = [];
    for (const apiKey of ["sk-first", "sk-second"]) {
      change({ apiKey });
      fake.next((exchange) => replyJson(exchange, 400, errorBody(400, "not sk-first nor sk-second", "invalid")));
      const { message } = await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
      keys.push(fake.posts.at(-1)?.headers.get("authorization"));
      assert(!message.includes(apiKey), message);
    }
    assertEquals(keys, ["Bearer sk-first", "Bearer sk-second"]);
    fake.next((exchange) => replyJson(exchange, 400, errorBody(400, "not sk-first nor sk-second", "invalid")));
    const { message } = await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
    assertEquals(message, "not *** nor ***");
  }));

Deno.test("the endpoint may change between one request and the next", () =>
  withTerms(async (fake, llama, change) => {
    for (const terms of [{}, { chat: true }, { useOpenai: false }]) {
      change(terms);
      await readAll(await llama.generate(REQUEST, never));
    }
    assertEquals(fake.posts.map(({ path }) => path), ["/v1/completions", "/v1/chat/completions", "/completion"]);
  }));
