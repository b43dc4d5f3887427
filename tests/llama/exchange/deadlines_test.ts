import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type ErrorKind, ModeldError } from "../../../src/base/errors.ts";
import type { Exchange as LlamaExchange } from "../../../src/llama/exchange.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import type { Exchange } from "../../support/raw_http_server.ts";
import { chunk, STREAM_HEAD } from "../../support/replies.ts";
import { completionStream, completionToken, SSE_PING } from "../../support/wire_streams.ts";
import { never, nextFragments, readAll, serverAt, withFake } from "../server_under_test.ts";
import { BlackHole } from "../black_hole.ts";

const REQUEST = { prompt: "Once" };

/** Sends these pieces and then nothing, and keeps the connection open until the client goes. */
function thenSilence(...pieces: string[]): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    if (pieces.length > 0) await exchange.send(STREAM_HEAD + pieces.map(chunk).join(""));
    await exchange.gone;
  };
}

async function failure(work: () => Promise<unknown>, kind: ErrorKind, option: string): Promise<void> {
  const error = await assertRejects(work, ModeldError);
  assertEquals(error.kind, kind);
  assertStringIncludes(error.message, option);
}

Deno.test("a server that accepts no connection is unreachable when the connect deadline has passed", async () => {
  const hole = await BlackHole.open();
  const llama = serverAt(hole.url, { useOpenai: false, connectTimeout: 200 });
  try {
    await failure(() => llama.generate(REQUEST, never), "unreachable", "--llama-connect-timeout");
  } finally {
    llama.close();
    hole.close();
  }
});

Deno.test("a question that is not answered is unreachable when the connect deadline has passed", async () => {
  await withFake({ connectTimeout: 100 }, async (fake, llama) => {
    fake.on("GET /health", (exchange) => exchange.gone);
    await failure(() => llama.health(never), "unreachable", "GET /health");
  });
});

Deno.test("the connect deadline does not cut a server that thinks before it sends headers", async () => {
  await withFake({ connectTimeout: 100 }, async (fake, llama) => {
    fake.next(async (exchange) => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      await exchange.send(STREAM_HEAD + chunk(completionStream([" a"])));
      await exchange.close();
    });
    assertEquals((await readAll(await llama.generate(REQUEST, never))).fragments, [" a"]);
  });
});

Deno.test("the request deadline passes while the server has sent no headers", async () => {
  await withFake({ timeout: 100 }, async (fake, llama) => {
    fake.next(thenSilence());
    await failure(() => llama.generate(REQUEST, never), "llama_timeout", "--llama-timeout");
    await eventually("the server sees it", () => fake.openConnections <= 1);
  });
});

Deno.test("the request deadline passes in the middle of a stream that never pauses for long", async () => {
  await withFake({ timeout: 150, tokens: Array(1000).fill(" a"), tokenDelay: 5 }, async (_, llama) => {
    const generation = await llama.generate(REQUEST, never);
    await failure(() => readAll(generation), "llama_timeout", "--llama-timeout");
  });
});

Deno.test("the request deadline closes the connection of a generation that nobody reads", async () => {
  await withFake({ timeout: 100, useOpenai: false }, async (fake, llama) => {
    fake.next(thenSilence(completionToken(" a")));
    const generation = await llama.generate(REQUEST, never);
    await eventually("the connection is closed", () => fake.openConnections === 0);
    await failure(() => generation.read(), "llama_timeout", "--llama-timeout");
  });
});

Deno.test("the first-token deadline passes while the server has sent no headers", async () => {
  const clock = new FakeClock();
  await withFake({ firstTokenTimeout: 1000, clock }, async (fake, llama) => {
    fake.next(thenSilence());
    const started = llama.generate(REQUEST, never);
    await fake.posted();
    clock.advance(999);
    clock.advance(1);
    await failure(() => started, "first_token_timeout", "--llama-first-token-timeout");
    assertEquals(clock.pendingTimers, 0);
  });
});

Deno.test("the first-token deadline passes after the headers, too", async () => {
  const clock = new FakeClock();
  await withFake({ firstTokenTimeout: 1000, clock }, async (fake, llama) => {
    fake.next(thenSilence(SSE_PING));
    const generation = await llama.generate(REQUEST, never);
    const next = generation.read();
    clock.advance(1000);
    await failure(() => next, "first_token_timeout", "--llama-first-token-timeout");
  });
});

Deno.test("the idle deadline passes between tokens", async () => {
  const clock = new FakeClock();
  await withFake({ firstTokenTimeout: 60_000, idleTimeout: 1000, clock }, async (fake, llama) => {
    const generation = await afterFirstToken(llama.generate(REQUEST, never), () => {
      fake.next(thenSilence(completionToken(" a")));
    });
    const next = generation.read();
    clock.advance(1000);
    await failure(() => next, "idle_timeout", "--llama-idle-timeout");
    assertEquals(clock.pendingTimers, 0);
  });
});

Deno.test("the idle deadline does not run before the first token", async () => {
  const clock = new FakeClock();
  await withFake({ idleTimeout: 1000, clock }, async (fake, llama) => {
    const { promise: waited, resolve: goOn } = Promise.withResolvers<void>();
    fake.next(async (exchange) => {
      await exchange.send(STREAM_HEAD);
      await waited;
      await exchange.send(chunk(completionStream([" a"])));
      await exchange.close();
    });
    const generation = await llama.generate(REQUEST, never);
    const next = nextFragments(generation);
    clock.advance(60_000);
    goOn();
    assertEquals(await next, [" a"]);
    generation.cancel();
  });
});

Deno.test("a reader that takes its time pauses the idle deadline", async () => {
  const clock = new FakeClock();
  await withFake({ idleTimeout: 1000, clock }, async (fake, llama) => {
    const generation = await afterFirstToken(llama.generate(REQUEST, never), () => {
      fake.next(async (exchange) => {
        await exchange.send(STREAM_HEAD + chunk(completionToken(" a")));
        await exchange.send(chunk(completionStream([" b"])));
        await exchange.close();
      });
    });
    clock.advance(60_000);
    assertEquals((await readAll(generation)).completion.finishReason, "stop");
    assertEquals(clock.pendingTimers, 0);
  });
});

Deno.test("comments are life: neither silence deadline passes while they come", async () => {
  // Far more than a pause between two comments, on a busy machine too, and less than all of them together.
  await withFake({ firstTokenTimeout: 500, idleTimeout: 500 }, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(STREAM_HEAD);
      for (const last of [completionToken(" a"), completionStream([" b"])]) {
        for (let i = 0; i < 14; i++) {
          await new Promise((resolve) => setTimeout(resolve, 40));
          await exchange.send(chunk(SSE_PING));
        }
        await exchange.send(chunk(last));
      }
      await exchange.close();
    });
    assertEquals((await readAll(await llama.generate(REQUEST, never))).fragments, [" a", " b"]);
  });
});

Deno.test("no timer of its own is left when a generation has ended, however it ended", async () => {
  const clock = new FakeClock();
  const assertTimers = (shared: number, when: string) => {
    clock.advance(200); // the one timer that all generations of this moment share, see ConnectWatch
    assertEquals(clock.pendingTimers, shared, when);
  };
  const deadlines = { connectTimeout: 1000, firstTokenTimeout: 1000, idleTimeout: 1000 };
  await withFake({ ...deadlines, clock }, async (fake, llama) => {
    await readAll(await llama.generate(REQUEST, never));
    assertTimers(1, "complete: the one for terminal events, which all generations share");
    clock.advance(2_000);
    fake.next((exchange) => exchange.close());
    await assertRejects(() => llama.generate(REQUEST, never));
    assertTimers(0, "failed");
    fake.next(thenSilence(completionToken(" a")));
    const generation = await llama.generate(REQUEST, never);
    await generation.read();
    generation.cancel();
    assertTimers(0, "cancelled");
  });
});

async function afterFirstToken(started: Promise<LlamaExchange>, script: () => void): Promise<LlamaExchange> {
  script();
  const generation = await started;
  assert((await nextFragments(generation)).length > 0);
  return generation;
}
