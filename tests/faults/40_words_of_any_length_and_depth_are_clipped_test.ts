import { assert, assertEquals } from "@std/assert";
import type { Exchange } from "../support/raw_http_server.ts";
import { CLOSE_DELIMITED_HEAD, head, replyJson, replyStream } from "../support/replies.ts";
import { completionToken, errorBody, nativeEnd, sse, SSE_DONE } from "../support/wire_streams.ts";
import { playEach } from "./support/apis.ts";
import { play } from "./support/scenario.ts";

const MB = 2 ** 20;
const LONG = "w".repeat(2 * MB);
/** Two of them fit into what is read of an error. */
const ERROR_WORD = "w".repeat(MB);
const DEPTH = 300_000;
const CLIPPED = 256;

/** An error in an error in an error. */
const DEEP_ERROR = '{"error":'.repeat(DEPTH) + '"deep"' + "}".repeat(DEPTH);
const DEEP_OBJECT = '{"a":'.repeat(DEPTH) + "1" + "}".repeat(DEPTH);

/** Ways for llama-server to fail at length or in depth. */
const FAILURES: Record<string, (exchange: Exchange) => Promise<void>> = {
  "a 500 whose type and message are long": (exchange) =>
    replyJson(exchange, 500, errorBody(500, ERROR_WORD, ERROR_WORD)),
  "a 400 whose type and message are long": (exchange) =>
    replyJson(exchange, 400, errorBody(400, ERROR_WORD, ERROR_WORD)),
  "a 500 that is nested deep": (exchange) => replyJson(exchange, 500, DEEP_ERROR),
  "a 500 whose error is a deep object": (exchange) => replyJson(exchange, 500, `{"error":${DEEP_OBJECT}}`),
  "a 500 without an end": async (exchange) => {
    await exchange.send(head(500, { Connection: "close" }));
    for (let sent = 0; sent < 64; sent++) await exchange.send(LONG);
    await exchange.close();
  },
  "an error event whose type and message are long": (exchange) =>
    replyStream(exchange, completionToken(" one") + `data: ${errorBody(500, ERROR_WORD, ERROR_WORD)}\n\n`),
  "an error event that is nested deep": (exchange) =>
    replyStream(exchange, `${completionToken(" one")}event: error\ndata: ${DEEP_ERROR}\n\n`),
  "an event whose error is a deep object": (exchange) =>
    replyStream(exchange, `${completionToken(" one")}data: {"error":${DEEP_OBJECT}}\n\n`),
};

for (const [name, script] of Object.entries(FAILURES)) {
  Deno.test(`${name}: an error of a few words, in the reply and in the log`, async () => {
    const stage = name.includes("event") ? "stream" : "prefill";
    const outcome = name.includes("400") ? "invalid" : "upstream_error";
    await playEach({ outcomes: { [`${outcome} ${stage}`]: 1 }, posts: 1 }, async ({ llama, modeld, api, ask }) => {
      llama.next(script);
      const text = await (await ask()).text();
      const last = text.trimEnd().split("\n").at(-1)?.replace("data: ", "") ?? "";
      assert(last.length < 1_000, `an error of ${last.length} characters`);
      const { error, upstream_type: type = "" } = JSON.parse(last);
      const message = api.path === "/infer" ? error : error.message;
      assert(message.length < 500, `a message of ${message.length} characters`);
      assert(type.length <= CLIPPED, `a type of ${type.length} characters`);
      if (name.includes("type") && api.path === "/infer") assert(type.startsWith("www"), last);
      assert(!message.includes("internal error"), last);
      assertQuiet(modeld.process.stderrLines);
    });
  });
}

/** Finished answers with odd words. */
const ENDINGS: Record<string, string> = {
  "an OpenAI finish reason": sse({ choices: [{ text: " one", index: 0, finish_reason: LONG }] }) + SSE_DONE,
  "a native stop type": nativeEnd(LONG, { prompt: 1, completion: 1 }),
  "timings of megabytes": sse({
    choices: [{ text: " one", index: 0, finish_reason: "stop" }],
    timings: { predicted_n: 1, note: LONG, [LONG.slice(MB)]: 1, list: Array(1_000).fill(1) },
  }) + SSE_DONE,
  "deep timings": `data: {"choices":[{"text":" one","index":0,"finish_reason":"stop"}],` +
    `"timings":{"predicted_n":1,"deep":${DEEP_OBJECT}}}\n\n${SSE_DONE}`,
};

for (const [name, stream] of Object.entries(ENDINGS)) {
  Deno.test(`${name}: clipped, and the answer is whole`, async () => {
    await play({ outcomes: { "ok stream": 2 }, posts: 2 }, async ({ llama, modeld, ask }) => {
      for (const streamed of [true, false]) {
        llama.next(async (exchange) => {
          await exchange.send(CLOSE_DELIMITED_HEAD + completionToken(" one") + stream);
          await exchange.close();
        });
        const last = await (await ask({ stream: streamed })).last();
        assertEquals(last.done, true, last.text.slice(0, 500));
        assert((last.finish_reason ?? "").length <= CLIPPED, `${last.finish_reason?.length} characters`);
        assert(last.text.length < 2_000, `a final line of ${last.text.length} characters`);
      }
      assertQuiet(modeld.process.stderrLines);
    });
  });
}

Deno.test("a model whose name has megabytes: clipped in /models, /status, /metrics and the log, and served", async () => {
  await play({ fake: { models: [LONG] }, outcomes: { "ok stream": 1 }, posts: 1 }, async ({ modeld, ask }) => {
    assertEquals((await (await ask()).last()).done, true);
    for (const path of ["/models", "/status", "/metrics"]) {
      const { text } = await modeld.get(path);
      assert(!text.includes("w".repeat(CLIPPED + 1)), `${path} has ${text.length} characters`);
    }
    assertQuiet(modeld.process.stderrLines);
  });
});

/** Asserts that the log has no long line and no defect. */
function assertQuiet(lines: readonly string[]): void {
  const longest = Math.max(...lines.map((line) => line.length));
  assert(longest < 4_000, `a log line has ${longest} characters`);
  assert(lines.every((line) => !line.includes("please report it")), lines.join("\n").slice(0, 2_000));
}
