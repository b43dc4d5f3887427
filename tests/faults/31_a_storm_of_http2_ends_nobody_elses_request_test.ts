import { assertEquals, assertStringIncludes } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { chunk, replyStream, STREAM_HEAD } from "../support/replies.ts";
import { completionStream } from "../support/wire_streams.ts";
import { assertStreamed } from "../support/assert_reply.ts";
import * as http2 from "./support/http2_client.ts";
import { inflightRequests, play, queueLength } from "./support/scenario.ts";

/** Streams of one client, all of them at once. */
const STREAMS = Array.from({ length: 15 }, (_, index) => 2 * index + 1);

/** How often a storm of cancelled streams comes. */
const ROUNDS = 20;

const STREAMED = { prompt: "Once", stream: true };
const WHOLE = { prompt: "Once", stream: false };

/** Every second request of a storm goes to a path of `/v1`, which takes the same bodies. */
function pathOf(stream: number): string {
  return stream % 4 === 1 ? "/infer" : "/v1/completions";
}

Deno.test("an HTTP/2 client gets its tokens, several streams at once on one connection", async () => {
  await play({ fake: { slots: 2 }, outcomes: { "ok stream": 2 }, posts: 2 }, async ({ modeld }) => {
    await using client = await http2.Http2Client.connect(modeld.url);
    await client.send(...http2.post(1, STREAMED), ...http2.post(3, STREAMED));
    for (const stream of [1, 3]) assertStringIncludes(await client.ended(stream), '"done":true');
  });
});

Deno.test("HTTP/2 streams that are cancelled before their body ask llama-server for nothing", async () => {
  await play({ outcomes: STREAMS.length, posts: 0 }, async ({ modeld }) => {
    await using client = await http2.Http2Client.connect(modeld.url);
    await client.send(...STREAMS.map((stream) => http2.postHead(stream)));
    await eventually("bodies are waited for", async () => await inflightRequests(modeld) === STREAMS.length);
    await client.send(...STREAMS.map(http2.reset));
    await eventually("none is waited for", async () => await inflightRequests(modeld) === 0);
  });
});

Deno.test("an HTTP/2 stream that is cancelled while queued leaves the queue, and its connection serves on", async () => {
  await play(
    { fake: { slots: 1 }, outcomes: { "cancelled queue": 1, "ok stream": 1 }, posts: 1 },
    async ({ llama, modeld }) => {
      const taken = llama.take();
      await using client = await http2.Http2Client.connect(modeld.url);
      await client.send(...http2.post(1, STREAMED));
      const exchange = await taken;
      await client.send(...http2.post(3, STREAMED));
      await eventually("one waits", async () => await queueLength(modeld) === 1);
      await client.send(http2.reset(3));
      await eventually("none waits", async () => await queueLength(modeld) === 0);
      await replyStream(exchange, completionStream([" one"]));
      assertStringIncludes(await client.ended(1), '"done":true');
    },
  );
});

for (const [kind, request] of Object.entries({ "stream of tokens": STREAMED, "whole answer": WHOLE })) {
  Deno.test(`an HTTP/2 request for a ${kind} that is cancelled in prefill is ended at llama-server`, async () => {
    await play({ outcomes: { "cancelled prefill": 2 }, posts: 2 }, async ({ llama, modeld }) => {
      for (const path of ["/infer", "/v1/completions"]) {
        const taken = llama.take();
        await using client = await http2.Http2Client.connect(modeld.url);
        await client.send(...http2.post(1, request, path));
        const exchange = await taken;
        await exchange.send(STREAM_HEAD);
        await client.send(http2.reset(1));
        await exchange.gone;
      }
    });
  });

  Deno.test(`${STREAMS.length} HTTP/2 requests for a ${kind}, each cancelled in the write that sends it or when the first is answered, harm nobody else`, async () => {
    await play({ outcomes: 2 * STREAMS.length * ROUNDS + 1, posts: undefined }, async ({ modeld, ask }) => {
      for (let round = 0; round < ROUNDS; round++) {
        await using hasty = await http2.Http2Client.connect(modeld.url);
        await hasty.send(
          ...STREAMS.flatMap((stream) => [...http2.post(stream, request, pathOf(stream)), http2.reset(stream)]),
        );
        await using patient = await http2.Http2Client.connect(modeld.url);
        await patient.send(...STREAMS.flatMap((stream) => http2.post(stream, request, pathOf(stream))));
        await patient.until(1, "}");
        await patient.send(...STREAMS.map(http2.reset));
      }
      await assertStreamed(await ask(), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
    });
  });
}

Deno.test("an HTTP/2 stream that is cancelled after its first token is ended at llama-server", async () => {
  await play({ outcomes: { "cancelled stream": 1 }, posts: 1 }, async ({ llama, modeld }) => {
    const taken = llama.take();
    await using client = await http2.Http2Client.connect(modeld.url);
    await client.send(...http2.post(1, STREAMED));
    const exchange = await taken;
    const [event = ""] = completionStream([" one"]).split(/(?<=\n\n)/);
    await exchange.send(STREAM_HEAD + chunk(event));
    await client.until(1, " one");
    await client.send(http2.reset(1));
    await exchange.gone;
  });
});

Deno.test("an HTTP/2 client that takes no byte gets its answer once it does, and may cancel instead", async () => {
  await play({ fake: { slots: 2 }, outcomes: 2, posts: 2 }, async ({ modeld }) => {
    await using client = await http2.Http2Client.connect(modeld.url, [http2.INITIAL_WINDOW_SIZE, 0]);
    await client.send(...http2.post(1, STREAMED), ...http2.post(3, STREAMED));
    await client.headed(1);
    await client.headed(3);
    assertEquals([client.text(1), client.text(3)], ["", ""]);
    await client.send(http2.windowUpdate(1, 65_535), http2.reset(3));
    assertStringIncludes(await client.ended(1), '"done":true');
    assertEquals(client.text(3), "");
  });
});

Deno.test("HTTP/2 requests without a key that are cancelled in the write that sends them do not end modeld", async () => {
  const modeld = await Daemon.start({ env: { MODELD_API_KEYS: "sk-test" } });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await using client = await http2.Http2Client.connect(modeld.url);
      await client.send(...STREAMS.flatMap((stream) => [...http2.post(stream, STREAMED), http2.reset(stream)]));
      await client.send(...http2.post(31, STREAMED));
      assertStringIncludes(await client.ended(31), '"type":"unauthorized"');
    }
    assertEquals((await modeld.get("/healthz")).text, "ok");
    assertEquals(await modeld.stop(), { code: 0, signal: null }, modeld.stderr);
  } finally {
    await modeld.stop("SIGKILL");
  }
});

/** Floods: what a client sends over and over. */
const FLOODS = {
  PING: { begin: [], frame: http2.ping() },
  SETTINGS: { begin: [], frame: http2.settings([http2.INITIAL_WINDOW_SIZE, 1_000]) },
  "empty DATA": { begin: [http2.postHead(1)], frame: http2.data(1, "") },
  CONTINUATION: { begin: [http2.openEndedHead(1)], frame: http2.continuation(1, { "x-more": "x".repeat(100) }) },
};

for (const [name, { begin, frame }] of Object.entries(FLOODS)) {
  Deno.test(`a flood of ${name} frames holds nobody else up`, async () => {
    const opened = name === "empty DATA" ? 1 : 0;
    await play({ outcomes: opened + 1, posts: 1 }, async ({ modeld, ask }) => {
      await using client = await http2.Http2Client.connect(modeld.url);
      await client.send(...begin);
      const flood = Array(200).fill(frame);
      for (let sent = 0; sent < 20_000 && !client.gone; sent += flood.length) await client.send(...flood);
      if (name === "CONTINUATION") await client.ended(1);
      await assertStreamed(await ask(), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
      assertEquals((await modeld.get("/healthz")).text, "ok");
    });
  });
}
