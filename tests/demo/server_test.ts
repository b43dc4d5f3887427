import { assert, assertEquals, assertMatch } from "@std/assert";
import { tinyGguf } from "../../e2e/support/tiny_gguf.ts";
import { loadEngine } from "../../src/demo/generation.ts";
import { type EngineServer, serveEngine } from "../../src/demo/server.ts";
import { eventually } from "../support/eventually.ts";

/** A model of random weights that never ends by itself; its text is noise. */
const model = tinyGguf();

/** Runs a test against an engine, and checks that nobody holds its slot afterwards. */
async function withEngine(run: (server: EngineServer) => Promise<void>): Promise<void> {
  const server = serveEngine(loadEngine(model));
  try {
    await run(server);
    await eventually("a free slot", () => !server.load.isBusy && server.load.waiting === 0);
  } finally {
    await server.stop();
  }
}

function post(server: EngineServer, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(new URL(path, server.url), { method: "POST", body: text, ...(signal === undefined ? {} : { signal }) });
}

async function postJson(server: EngineServer, path: string, body: unknown) {
  return await (await post(server, path, body)).json();
}

/** The data of a stream's events. */
async function postStream(server: EngineServer, path: string, body: Record<string, unknown>): Promise<string[]> {
  const text = await (await post(server, path, { ...body, stream: true })).text();
  return text.split("\n\n").filter((event) => event !== "").map((event) => event.replace(/^data: /, ""));
}

const ask = { prompt: "Once", max_tokens: 5, temperature: 0 };
const askChat = { messages: [{ role: "user", content: "Once" }], max_tokens: 5, temperature: 0 };

Deno.test("it answers what modeld asks a llama-server, and says that it is none", async () => {
  await withEngine(async (server) => {
    const get = async (path: string) => await (await fetch(new URL(path, server.url))).json();
    assertEquals(await get("/health"), { status: "ok" });
    assertMatch((await get("/props")).build_info, /demo engine, for trying and developing only/);
    assertEquals((await get("/props")).total_slots, 1);
    assertEquals((await get("/slots"))[0].is_processing, false);
    assertEquals((await get("/v1/models")).data[0].id, "story");
    assertEquals((await get("/nothing")).error.code, 404);
    assertEquals(await postJson(server, "/tokenize", { content: "a", add_special: true }), {
      tokens: [1, 229, 153, 132, 100],
    });
  });
});

Deno.test("streamed or not, the text and the figures are the same", async () => {
  await withEngine(async (server) => {
    const whole = await postJson(server, "/v1/completions", ask);
    const parts = (await postStream(server, "/v1/completions", ask)).slice(0, -1).map((data) => JSON.parse(data));
    assertEquals(parts.map(({ choices }) => choices[0].text).join(""), whole.choices[0].text);
    const last = parts[parts.length - 1];
    assertEquals([last.choices[0].finish_reason, whole.choices[0].finish_reason], ["length", "length"]);
    assertEquals(whole.usage.completion_tokens, 5);
    assertEquals(last.usage.total_tokens, whole.usage.total_tokens);
    assertEquals(last.timings.predicted_n, 5);
  });
});

Deno.test("each family of endpoints ends its stream in its own way", async () => {
  await withEngine(async (server) => {
    assertEquals((await postStream(server, "/v1/completions", ask)).pop(), "[DONE]");
    const native = await postStream(server, "/completion", { prompt: "Once", n_predict: 5 });
    const end = JSON.parse(native.pop() ?? "");
    assertEquals([end.stop, end.stop_type, end.tokens_predicted], [true, "limit", 5]);

    const chat = await postStream(server, "/v1/chat/completions", askChat);
    assertEquals(chat.pop(), "[DONE]");
    assertEquals(JSON.parse(chat[0] ?? "").choices[0].delta, { role: "assistant", content: null });
    assertEquals(JSON.parse(chat.pop() ?? "").choices[0].finish_reason, "length");
    const options = { ...askChat, stream_options: { include_usage: true } };
    const last = JSON.parse((await postStream(server, "/v1/chat/completions", options)).at(-2) ?? "");
    assertEquals([last.choices, last.usage.completion_tokens], [[], 5]);
    const { choices } = await postJson(server, "/v1/chat/completions", askChat);
    assertEquals([choices[0].message.role, choices[0].finish_reason], ["assistant", "length"]);
  });
});

Deno.test("what a prompt has in common with the one before is not read again, and changes nothing", async () => {
  await withEngine(async (server) => {
    const [first, second, other] = [
      await postJson(server, "/v1/completions", ask),
      await postJson(server, "/v1/completions", ask),
      await postJson(server, "/v1/completions", { ...ask, prompt: "On the hill" }),
    ];
    // One token begins every text, three are the bytes of the space, and four those of `Once`; `On` is common to both.
    const counts = [first, second, other].map(({ timings }) => [timings.cache_n, timings.prompt_n]);
    assertEquals(counts, [[0, 8], [7, 1], [6, 13]]);
    assertEquals(second.choices[0].text, first.choices[0].text);
  });
});

Deno.test("the same seed gives the same text, another one another", async () => {
  await withEngine(async (server) => {
    const text = async (seed: number) =>
      (await postJson(server, "/v1/completions", { prompt: "Once", max_tokens: 40, seed })).choices[0].text;
    const first = await text(7);
    assertEquals(await text(7), first);
    assert(await text(8) !== first);
  });
});

Deno.test("requests wait for the slot in order, and other questions are answered meanwhile", async () => {
  await withEngine(async (server) => {
    const order: string[] = [];
    const run = async (name: string, tokens: number) => {
      await postJson(server, "/v1/completions", { prompt: name, max_tokens: tokens });
      order.push(name);
    };
    const first = run("first", 400);
    await eventually("a busy slot", () => server.load.isBusy);
    const second = run("second", 200);
    await eventually("a request that waits", () => server.load.waiting === 1);
    const third = run("third", 1);
    const slots = await (await fetch(new URL("/slots", server.url))).json();
    assertEquals([slots[0].is_processing, order], [true, []]);
    await Promise.all([first, second, third]);
    assertEquals(order, ["first", "second", "third"]);
  });
});

for (const stream of [true, false]) {
  const kind = stream ? "a stream" : "a whole answer";
  Deno.test(`whoever leaves ${kind}, or the queue for one, frees the slot at once`, async () => {
    await withEngine(async (server) => {
      const leaver = new AbortController();
      const endless = { prompt: "Once", max_tokens: 30_000, stream };
      const leaving = post(server, "/v1/completions", endless, leaver.signal).then(async (reply) => await reply.text());
      await eventually("a busy slot", () => server.load.isBusy);
      const waiting = post(server, "/v1/completions", endless, leaver.signal).then(async (reply) => await reply.text());
      await eventually("a request that waits", () => server.load.waiting === 1);
      leaver.abort();
      assertEquals((await Promise.allSettled([leaving, waiting])).map(({ status }) => status), [
        "rejected",
        "rejected",
      ]);
      await eventually("a free slot", () => !server.load.isBusy && server.load.waiting === 0);
    });
  });
}

Deno.test("stopping ends a stream that goes on for ever", async () => {
  const server = serveEngine(loadEngine(model));
  const response = await post(server, "/v1/completions", { prompt: "Once", stream: true });
  const reading = response.text().then(() => "whole", () => "broken");
  await server.stop();
  assertEquals(await reading, "broken");
});

Deno.test("a stop text ends the generation and is no part of it", async () => {
  await withEngine(async (server) => {
    const { content } = await postJson(server, "/completion", { prompt: "Once", n_predict: 40, temperature: 0 });
    const stop = content.slice(10, 12);
    const end = await postJson(server, "/completion", { prompt: "Once", n_predict: 40, temperature: 0, stop: [stop] });
    assertEquals([end.stop_type, end.stopping_word], ["word", stop]);
    assertEquals(end.content, content.slice(0, content.indexOf(stop)));
  });
});

Deno.test("requests that make no sense are refused as llama-server refuses them", async () => {
  await withEngine(async (server) => {
    const refusals: [string, unknown, RegExp][] = [
      ["/v1/completions", "{", /the body is not JSON/],
      ["/v1/completions", {}, /'prompt' is required/],
      ["/v1/completions", { prompt: 5 }, /Field 'prompt'/],
      ["/v1/completions", { prompt: [900] }, /invalid tokens/],
      ["/v1/completions", { prompt: "a", temperature: "warm" }, /Field 'temperature'/],
      ["/v1/completions", { prompt: "a", max_tokens: -5 }, /Field 'max_tokens'/],
      ["/v1/completions", { prompt: "a", max_tokens: 2 ** 31 }, /Field 'max_tokens'/],
      ["/completion", { prompt: "a", n_predict: 1e300 }, /Field 'n_predict'/],
      ["/v1/completions", { prompt: "a", n: 2 }, /Field 'n'/],
      ["/v1/completions", { prompt: "a", stop: Array.from({ length: 65 }, () => "x") }, /Field 'stop'/],
      ["/v1/completions", { prompt: "a", stop: "x".repeat(257) }, /Field 'stop'/],
      ["/tokenize", { content: 5 }, /Field 'content'/],
      ["/tokenize", { content: "a".repeat(40_000) }, /exceeds the available context size \(32768 tokens\)/],
      ["/v1/chat/completions", {}, /'messages' is required/],
      ["/v1/chat/completions", { messages: [] }, /Field 'messages'/],
      ["/v1/completions", { prompt: "a".repeat(40_000) }, /exceeds the available context size \(32768 tokens\)/],
    ];
    for (const [path, body, message] of refusals) {
      const response = await post(server, path, body);
      const { error } = await response.json();
      assertEquals([response.status, error.code], [400, 400]);
      assertMatch(error.message, message);
    }
    const { error } = await postJson(server, "/completion", { prompt: "a".repeat(40_000) });
    assertEquals([error.type, error.n_ctx], ["exceed_context_size_error", 32_768]);
  });
});

Deno.test("a body of more than a megabyte is refused, whether or not it says how long it is", async () => {
  await withEngine(async (server) => {
    const body = " ".repeat(1_048_577);
    for (const sent of [body, new Blob([body]).stream()]) {
      const response = await fetch(new URL("/v1/completions", server.url), { method: "POST", body: sent });
      const { error } = await response.json();
      assertEquals([response.status, error.message], [413, "the body is larger than 1048576 bytes"]);
    }
  });
});
