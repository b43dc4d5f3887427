import { generateText, jsonSchema, Output } from "ai";
import { assert, assertEquals, assertRejects } from "@std/assert";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { eventually } from "../tests/support/eventually.ts";
import { samples } from "../tests/faults/support/accounts.ts";
import { withStack } from "./support/stack.ts";
import { aiModelOf, anthropicOf, clients, langchainOf, openaiOf } from "./v1_clients/clients.ts";

/** What the answers are held to: a random model fills any grammar, and these are short. */
const COLOR = {
  type: "object" as const,
  properties: { color: { type: "string" as const, enum: ["red", "green"] } },
  required: ["color"],
  additionalProperties: false as const,
};

const TOKENS_FOR_JSON = 200;

function assertColor(text: string): void {
  const { color } = JSON.parse(text);
  assert(["red", "green"].includes(color), text);
}

Deno.test("every client streams the same text that it gets whole, and the metrics count both", async () => {
  await withStack({ llama: ["-a", "tiny", "-s", "7", "--temp", "0"] }, async ({ modeld }) => {
    for (const client of clients({ url: modeld.url })) {
      const pieces: string[] = [];
      for await (const piece of client.stream({ prompt: "Once", maxTokens: 12 })) pieces.push(piece);
      const whole = await client.whole({ prompt: "Once", maxTokens: 12 });
      assertEquals(pieces.join(""), whole, client.name);
      assert(whole !== "", `${client.name} got nothing`);
    }
    const counted = samples((await modeld.get("/metrics")).text, "modeld_requests_total");
    assertEquals(counted.filter(({ value }) => value > 0).map(({ labels, value }) => [labels["outcome"], value]), [
      ["ok", 5],
      ["ok", 5],
    ]);
  });
});

Deno.test("models are listed, found by id, and named when they are not there", async () => {
  await withStack({ llama: ["-a", "tiny"] }, async ({ modeld }) => {
    const openai = openaiOf({ url: modeld.url });
    const ids: string[] = [];
    for await (const { id } of openai.models.list()) ids.push(id);
    assertEquals(ids, ["tiny"]);
    assertEquals((await openai.models.retrieve("tiny")).object, "model");
    await assertRejects(() => openai.models.retrieve("gpt-9"), OpenAI.NotFoundError, "gpt-9");
  });
});

Deno.test("a client that aborts has its slot free within a second", async () => {
  await withStack({ llama: ["-a", "tiny"] }, async ({ llama, modeld }) => {
    for (const client of clients({ url: modeld.url })) {
      const abort = new AbortController();
      const pieces = client.stream({ prompt: "Once", maxTokens: 15_000, signal: abort.signal })[Symbol.asyncIterator]();
      await pieces.next();
      assertEquals(await llama.busySlots(), 1, client.name);
      abort.abort(new Error("enough"));
      // Some end quietly when they are aborted, others throw.
      await (async () => {
        while (!(await pieces.next()).done);
      })().catch(() => {});
      const took = await eventually("the slot is free", async () => await llama.busySlots() === 0);
      assert(took < 1_000, `${client.name}: the slot was busy for ${took} ms`);
    }
  });
});

Deno.test("every client gets JSON of its schema", async () => {
  // llama-server feeds the template's generation prompt to the grammar, and a vocabulary of bytes puts a space before it.
  const template = ["--jinja", "--chat-template", "{% for message in messages %}{{ message.content }}{% endfor %}"];
  await withStack({ llama: ["-a", "tiny", ...template] }, async ({ modeld }) => {
    const { url } = modeld;
    const prompt = "Which color?";
    const json_schema = { name: "color", schema: COLOR, strict: true };
    const { choices } = await openaiOf({ url }).chat.completions.create({
      model: "tiny",
      max_completion_tokens: TOKENS_FOR_JSON,
      messages: [{ role: "user", content: prompt }],
      response_format: { type: "json_schema", json_schema },
    });
    assertColor(choices[0]?.message.content ?? "");

    const { output } = await generateText({
      model: aiModelOf({ url }),
      prompt,
      maxOutputTokens: TOKENS_FOR_JSON,
      output: Output.object({ schema: jsonSchema(COLOR) }),
    });
    assertColor(JSON.stringify(output));

    const langchain = langchainOf({ url }, TOKENS_FOR_JSON)
      .withStructuredOutput(COLOR, { name: "color", method: "jsonSchema", strict: true });
    assertColor(JSON.stringify(await langchain.invoke(prompt)));
  });
});

Deno.test("embeddings come as numbers, several at once in order", async () => {
  await withStack({ llama: ["-a", "tiny", "--embeddings", "--pooling", "mean"] }, async ({ modeld }) => {
    const openai = openaiOf({ url: modeld.url });
    const { data } = await openai.embeddings.create({ model: "tiny", input: ["Once", "upon", "a", "time", "Once"] });
    assertEquals(data.map(({ index }) => index), [0, 1, 2, 3, 4]);
    const [first, second, , , last] = data.map(({ embedding }) => embedding);
    assertEquals(first?.length, 64);
    assert(first !== undefined && last !== undefined && second !== undefined);
    const apart = (a: number[], b: number[]) => Math.max(...a.map((value, at) => Math.abs(value - (b[at] ?? 0))));
    assert(apart(first, last) < 1e-3 && apart(first, second) > 1e-3);
  });
});

Deno.test("keys are taken both ways, and each error is of the class that the client has for it", async () => {
  const keys = await Deno.makeTempFile({ prefix: "modeld-keys-" });
  await Deno.writeTextFile(keys, "right\n");
  const options = { llama: ["-a", "tiny"], modeld: ["--api-key-file", keys] };
  await withStack(options, async ({ modeld }) => {
    const { url } = modeld;
    const messages = [{ role: "user" as const, content: "Once" }];
    const wrong = { url, apiKey: "wrong" };
    const right = { url, apiKey: "right" };
    const ask = { model: "tiny", max_tokens: 4, messages };

    await assertRejects(() => openaiOf(wrong).chat.completions.create(ask), OpenAI.AuthenticationError);
    await assertRejects(() => anthropicOf(wrong).messages.create(ask), Anthropic.AuthenticationError);
    for (const client of clients(wrong)) await assertRejects(() => client.whole({ prompt: "Once" }), Error);
    for (const client of clients(right)) assert(await client.whole({ prompt: "Once" }) !== "", client.name);

    const bearer = new Anthropic({ baseURL: url.origin, authToken: "right", apiKey: null });
    assert((await bearer.messages.create(ask)).content.length > 0, "anthropic with Authorization");
    const headers = { "x-api-key": "right" };
    const plain = await fetch(new URL("/v1/chat/completions", url), {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify(ask),
    });
    assert(plain.ok && await plain.text() !== "", "x-api-key on a path of OpenAI's");

    const unknown = { ...ask, model: "gpt-9" };
    await assertRejects(() => openaiOf(right).chat.completions.create(unknown), OpenAI.NotFoundError, "gpt-9");
    await assertRejects(() => anthropicOf(right).messages.create(unknown), Anthropic.NotFoundError, "gpt-9");
    const bad = { ...ask, messages: "Once" as unknown as typeof messages };
    await assertRejects(() => openaiOf(right).chat.completions.create(bad), OpenAI.BadRequestError);
    const none = { ...ask, messages: undefined as unknown as typeof messages };
    await assertRejects(() => anthropicOf(right).messages.create(none), Anthropic.BadRequestError, "messages");
    const long = { ...ask, messages: [{ role: "user" as const, content: "long ".repeat(10_000) }] };
    const tooLong = await assertRejects(() => openaiOf(right).chat.completions.create(long), OpenAI.BadRequestError);
    assertEquals(tooLong.type, "exceed_context_size_error");
  });
  await Deno.remove(keys);
});
