import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import type { Exchange as LlamaExchange } from "../../../src/llama/exchange.ts";
import { fetchFailure } from "../../../src/llama/connection/fetch_failure.ts";
import { freePort } from "../../support/ports.ts";
import { chunk, CLOSE_DELIMITED_HEAD, head, STREAM_HEAD } from "../../support/replies.ts";
import { completionEnd, completionToken } from "../../support/wire_streams.ts";
import { never, nextFragments, readAll, serverAt, withFake } from "../server_under_test.ts";

const REQUEST = { prompt: "Once" };

Deno.test("a server that refuses connections is unreachable, with the address and a hint", async () => {
  const llama = serverAt(new URL(`http://127.0.0.1:${freePort()}`));
  const error = await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
  assertEquals(error.kind, "unreachable");
  assertStringIncludes(error.message, "http://127.0.0.1:");
  assertStringIncludes(error.message, "--llama-url");
  llama.close();
});

Deno.test("a name that does not resolve is unreachable", async () => {
  const llama = serverAt(new URL("http://modeld.invalid:8081"));
  const error = await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
  assertEquals(error.kind, "unreachable");
  llama.close();
});

Deno.test("a server that takes the POST and closes is an upstream error after exactly one POST", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next((exchange) => exchange.close());
    const error = await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
    assertEquals(error.kind, "upstream_error");
    assertStringIncludes(error.message, "adapter generate: ");
    assertEquals(fake.posts.length, 1);
  });
});

Deno.test("a server that takes the POST and resets is an upstream error after exactly one POST", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next((exchange) => exchange.reset());
    const error = await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
    assertEquals(error.kind, "upstream_error");
    assertEquals(fake.posts.length, 1);
  });
});

for (
  const [how, start, end] of [
    ["a chunked stream that is closed", STREAM_HEAD + chunk(completionToken(" a")), "close"],
    ["a chunked stream that is reset", STREAM_HEAD + chunk(completionToken(" a")), "reset"],
    ["a stream without a length that is closed", CLOSE_DELIMITED_HEAD + completionToken(" a"), "close"],
    ["a stream shorter than its length", head(200, { "Content-Length": "9999" }) + completionToken(" a"), "close"],
  ] as const
) {
  Deno.test(`${how} before its terminal event is truncated, after the tokens before that`, async () => {
    await withFake({}, async (fake, llama) => {
      const { promise: received, resolve: receive } = Promise.withResolvers<void>();
      fake.next(async (exchange) => {
        await exchange.send(start);
        await received;
        await exchange[end]();
      });
      const generation = await llama.generate(REQUEST, never);
      assertEquals(await nextFragments(generation), [" a"]);
      receive();
      const error = await assertRejects(() => generation.read(), ModeldError);
      assertEquals(error.kind, "truncated");
    });
  });
}

Deno.test("a stream that is reset after its finish reason is whole", async () => {
  await withFake({}, async (fake, llama) => {
    const { promise: received, resolve: receive } = Promise.withResolvers<void>();
    fake.next(async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(completionToken(" a") + completionEnd("length")));
      await received;
      exchange.reset();
    });
    const generation: LlamaExchange = await llama.generate(REQUEST, never);
    assertEquals(await nextFragments(generation), [" a"]);
    receive();
    assertEquals((await readAll(generation)).completion.finishReason, "length");
  });
});

// Deno's two ways to say it, so that either version's tests guard both.
const CONNECT = "error sending request for url (http://h/): client error (Connect): tcp connect error: refused";
const SEND =
  "error sending request from a for http://h/: client error (SendRequest): connection closed before message completed";
const UNTRUSTED =
  "error sending request for url (https://h/): client error (Connect): invalid peer certificate: UnknownIssuer";
const NO_DESCRIPTOR =
  "error sending request for url (http://h/): client error (Connect): tcp open error: Too many open files (os error 24)";

for (
  const [version, error] of [
    ["2.8", (text: string) => new TypeError(text)],
    ["2.9", (text: string) => new TypeError("fetch failed", { cause: new Error(text) })],
  ] as const
) {
  Deno.test(`Deno ${version}'s words for a connection that was never made are unreachable`, () => {
    const failure = fetchFailure("generate", "http://h", error(CONNECT));
    assertEquals(failure.kind, "unreachable");
    assertStringIncludes(failure.message, "tcp connect error: refused");
  });

  Deno.test(`Deno ${version}'s words for a lack of file descriptors are modeld's own overload, and nothing was sent`, () => {
    const failure = fetchFailure("generate", "http://h", error(NO_DESCRIPTOR));
    assertEquals([failure.kind, failure.begun], ["overloaded", "no"]);
  });

  Deno.test(`Deno ${version}'s words for an untrusted certificate are unreachable, with the remedy`, () => {
    const failure = fetchFailure("generate", "https://h", error(UNTRUSTED));
    assertEquals(failure.kind, "unreachable");
    assertStringIncludes(failure.message, "--llama-ca-file");
  });

  Deno.test(`Deno ${version}'s words for a request that was cut are an upstream error`, () => {
    assertEquals(fetchFailure("generate", "http://h", error(SEND)).kind, "upstream_error");
  });
}

Deno.test("words that are not known are an upstream error: never a reason to try again", () => {
  for (const error of [new TypeError("something new"), new Error(""), "text", undefined]) {
    assert(fetchFailure("generate", "http://h", error).kind === "upstream_error");
  }
});
