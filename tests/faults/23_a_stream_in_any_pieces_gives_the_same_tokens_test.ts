import { assert } from "@std/assert";
import { assertStreamed } from "../support/assert_reply.ts";
import { CLOSE_DELIMITED_HEAD, replyStream } from "../support/replies.ts";
import { chatStream, completionStream, nativeStream, sse } from "../support/wire_streams.ts";
import { playEach } from "./support/apis.ts";
import { play } from "./support/scenario.ts";

/** A token with characters of two, three and four bytes. */
const TOKENS = [", ü€𝄞"];

/** Pretty-printed JSON in as many `data:` lines as it has lines. */
function inManyDataLines(stream: string): string {
  return stream.replaceAll(/^data: (\{.*\})$/gm, (_, json) => {
    const lines = JSON.stringify(JSON.parse(json), null, 1).split("\n");
    return lines.map((line) => `data: ${line}`).join("\n");
  });
}

const STREAMS: Record<string, string> = {
  "/v1/completions": completionStream(TOKENS),
  "/v1/chat/completions": chatStream(TOKENS),
  "native": nativeStream(TOKENS),
  "CRLF": completionStream(TOKENS).replaceAll("\n", "\r\n"),
  "several data lines": inManyDataLines(completionStream(TOKENS)),
  "several data lines, CRLF": inManyDataLines(completionStream(TOKENS)).replaceAll("\n", "\r\n"),
  "JSON lines": nativeStream(TOKENS).replaceAll("data: ", "").replaceAll("\n\n", "\n"),
};

for (const [name, stream] of Object.entries(STREAMS)) {
  Deno.test(`${name}: a stream in single bytes gives the same tokens`, async () => {
    await play({ outcomes: { "ok stream": 2 }, posts: 2 }, async ({ llama, ask }) => {
      for (const size of [1, 7]) {
        llama.next(async (exchange) => {
          await exchange.send(CLOSE_DELIMITED_HEAD);
          await exchange.sendSliced(stream, size);
          await exchange.close();
        });
        await assertStreamed(await ask(), TOKENS, "stop", [2, TOKENS.length]);
      }
    });
  });
}

Deno.test("a line of 1 MB is one token, in linear time", async () => {
  await playEach({ outcomes: { "ok stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
    const token = "ü".repeat(2 ** 19);
    llama.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD);
      await exchange.sendSliced(api.stream([token]), 1_000);
      await exchange.close();
    });
    const start = performance.now();
    await (await ask()).assertStreamed([token], [2, 1]);
    const took = performance.now() - start;
    assert(took < 8_000, `it took ${took} ms`);
  });
});

Deno.test("an event over the limit ends the reply in an error, and is never held in full", async () => {
  await playEach({ outcomes: { "upstream_error stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
    const endless = (async function* () {
      yield api.start + api.token(" upon") + 'data: {"choices":[{"text":"';
      for (let megabytes = 0; megabytes < 64; megabytes++) yield "x".repeat(2 ** 20);
    })();
    llama.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD);
      for await (const piece of endless) await exchange.send(piece);
    });
    await (await ask()).assertCutShort([" upon"], { code: 500, type: "protocol", says: "an event of more than" });
  });
});

Deno.test("a U+FFFD that llama-server sends is passed on, and none is added", async () => {
  await play({ outcomes: { "ok stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
    const tokens = ["\u{FFFD}", "\u{1F999}", "\0"];
    llama.next((exchange) => replyStream(exchange, sse({ choices: [] }) + completionStream(tokens)));
    await assertStreamed(await ask(), tokens, "stop", [2, 3]);
  });
});
