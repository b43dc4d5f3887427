import { assertEquals, assertStringIncludes } from "@std/assert";
import { assertCutShort, assertRefused } from "../support/assert_reply.ts";
import { CLOSE_DELIMITED_HEAD, head, replyStream } from "../support/replies.ts";
import { completionStream, completionToken, errorBody } from "../support/wire_streams.ts";
import { play } from "./support/scenario.ts";
import { postV1 } from "./support/v1_client.ts";

interface Junk {
  readonly sent: string | Uint8Array;
  readonly type: string;
  readonly says: string;
  readonly upstream_type?: string;
}

const failure = errorBody(500, "the GPU is on fire", "server_error");
const invalidUtf8 = new Uint8Array([
  ...new TextEncoder().encode('data: {"choices":[{"text":"'),
  0xff,
  0x22,
  0x0a,
  0x0a,
]);

/** What may stand in a stream that should not, and what the error line says about it. */
const JUNK: Record<string, Junk> = {
  "invalid JSON": { sent: "data: {nonsense}\n\n", type: "protocol", says: "nonsense" },
  "invalid UTF-8": { sent: invalidUtf8, type: "protocol", says: "UTF-8" },
  "an error as data": {
    sent: `data: ${failure}\n\n`,
    type: "upstream_error",
    says: "the GPU is on fire",
    upstream_type: "server_error",
  },
  "an older build's error": {
    sent: `error: ${JSON.stringify(JSON.parse(failure).error)}\n\n`,
    type: "upstream_error",
    says: "the GPU is on fire",
    upstream_type: "server_error",
  },
  "event: error": {
    sent: `event: error\ndata: ${failure}\n\n`,
    type: "upstream_error",
    says: "the GPU is on fire",
    upstream_type: "server_error",
  },
  "a router's bare words": {
    sent: "proxy error: Failed to read connection",
    type: "protocol",
    says: "proxy error: Failed to read connection",
  },
  "JSON of an unknown shape": { sent: 'data: {"hello":"world"}\n\n', type: "protocol", says: "hello" },
};

for (const [what, { sent, ...error }] of Object.entries(JUNK)) {
  Deno.test(`${what} mid-stream ends the reply in an error line with llama-server's words`, async () => {
    await play({ outcomes: { "upstream_error stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
      llama.next(async (exchange) => {
        await exchange.send(CLOSE_DELIMITED_HEAD + completionToken(" upon"));
        await exchange.send(sent);
        await exchange.close();
      });
      await assertCutShort(await ask(), [" upon"], { code: 500, ...error });
    });
  });
}

for (const what of ["invalid JSON", "JSON of an unknown shape"]) {
  Deno.test(`a token that arrives together with ${what} is not lost`, async () => {
    await play({ outcomes: { "upstream_error stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
      const { sent, ...error } = JUNK[what] as Junk;
      llama.next(async (exchange) => {
        await exchange.send(`${CLOSE_DELIMITED_HEAD}${completionToken(" upon")}${sent}`);
        await exchange.close();
      });
      await assertCutShort(await ask(), [" upon"], { code: 500, ...error });
    });
  });
}

Deno.test("an error after the finish_reason still ends in an error line", async () => {
  await play({ outcomes: { "upstream_error stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
    llama.next(async (exchange) => {
      const finished = completionStream([" upon"]).replace("data: [DONE]\n\n", "");
      await exchange.send(CLOSE_DELIMITED_HEAD + finished + `data: ${failure}\n\n`);
      await exchange.close();
    });
    const error = { code: 500, type: "upstream_error", says: "the GPU is on fire", upstream_type: "server_error" };
    await assertCutShort(await ask(), [" upon"], error);
  });
});

Deno.test("a web page in place of a stream is an HTTP error, whatever its status", async () => {
  await play({ outcomes: { "upstream_error prefill": 1 }, posts: 1 }, async ({ llama, ask }) => {
    const page = "<html>a proxy's page</html>";
    const headers = { "Content-Type": "text/html", "Content-Length": String(page.length) };
    llama.next((exchange) => exchange.send(head(200, headers) + page));
    await assertRefused(await ask(), { code: 500, type: "protocol", says: "a proxy's page" });
  });
});

/** What modeld takes for the end of a stream that it passes on; the rest is the client's to read. */
const ERRORS = [
  "an error as data",
  "an older build's error",
  "event: error",
  "a router's bare words",
  "invalid UTF-8",
] as const;

Deno.test("an error or stray text in a stream of /v1 ends it in an error event with llama-server's words", async () => {
  const outcomes = { "upstream_error stream": ERRORS.length };
  await play({ outcomes, posts: ERRORS.length }, async ({ llama, modeld }) => {
    for (const what of ERRORS) {
      const { sent, says } = JUNK[what] as Junk;
      llama.next(async (exchange) => {
        await exchange.send(CLOSE_DELIMITED_HEAD + completionToken(" upon"));
        await exchange.send(sent);
        await exchange.close();
      });
      const { status, text } = await postV1(modeld.url, "/v1/completions", { prompt: "Once", stream: true });
      assertEquals([status, text.startsWith(completionToken(" upon"))], [200, true], what);
      const last = JSON.parse(text.trimEnd().split("data: ").at(-1) ?? "");
      assertStringIncludes(last.error.message, says, what);
    }
  });
});

Deno.test("an event of an unknown shape in a stream of /v1 passes byte for byte: its client may know it", async () => {
  await play({ outcomes: { "ok stream": 1 }, posts: 1 }, async ({ llama, modeld }) => {
    const stream = 'data: {"hello":"world"}\n\n' + completionStream([" upon"]);
    llama.next((exchange) => replyStream(exchange, stream));
    const { text } = await postV1(modeld.url, "/v1/completions", { prompt: "Once", stream: true });
    assertEquals(text, stream);
  });
});
