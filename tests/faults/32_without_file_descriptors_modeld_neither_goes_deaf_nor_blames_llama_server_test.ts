import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer, type InferReply } from "../support/ndjson_client.ts";
import { isBefore } from "../support/runtime.ts";
import { openDescriptors } from "../support/process_inspection.ts";
import { chunk, LAST_CHUNK, STREAM_HEAD } from "../support/replies.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { completionStream, completionToken } from "../support/wire_streams.ts";
import { RawClient } from "./support/raw_client.ts";

/** Enough for modeld itself and some twenty connections. */
const DESCRIPTORS = 64;

async function withFewDescriptors(run: (modeld: Daemon, llama: FakeLlamaHttpServer) => Promise<void>): Promise<void> {
  const llama = await FakeLlamaHttpServer.start({ slots: DESCRIPTORS });
  const args = ["--llama-url", llama.url.href, "--preflight=off", "--shutdown-timeout=10s"];
  const modeld = await Daemon.start({ args, through: ["prlimit", `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`] });
  try {
    await modeld.ready();
    await run(modeld, llama);
  } finally {
    await modeld.stop("SIGKILL");
    await llama.close();
  }
}

/** A stream that has sent one token, and what makes llama-server send the rest. */
async function startStream(modeld: Daemon, llama: FakeLlamaHttpServer): Promise<{
  readonly stream: InferReply;
  finish(): Promise<void>;
}> {
  const taken = llama.take();
  const asking = infer(modeld.url, { prompt: "Once" });
  const exchange = await taken;
  await exchange.send(STREAM_HEAD + chunk(completionToken(" upon")));
  const stream = await asking;
  await stream.read(1);
  return { stream, finish: () => exchange.send(chunk(completionStream([" a"])) + LAST_CHUNK) };
}

/** Connects until modeld has no descriptor left to accept with. */
async function exhaust(modeld: Daemon, clients: RawClient[], first = ""): Promise<void> {
  const said = modeld.process.line(/cannot accept connections/);
  said.catch(() => {}); // whoever awaits it below fails with its own error
  for (let count = 0; count < 2 * DESCRIPTORS; count++) {
    try {
      const client = await RawClient.connect(modeld.url);
      clients.push(client);
      await client.send(first);
    } catch (error) {
      // Refused while modeld listens again, or reset with the listener's backlog, at once or while Deno asks for its address.
      const { ConnectionRefused, ConnectionReset, NotConnected } = Deno.errors;
      const isExpected = [ConnectionRefused, ConnectionReset, NotConnected].some((kind) => error instanceof kind);
      if (!isExpected) throw error;
    }
  }
  await said;
}

// Deno 2.6 does not report a failed accept while a request runs on the listener, so there is nothing to act on.
const ignore = isBefore("2.9");

Deno.test("a modeld that cannot accept a connection listens again; what runs goes on, and others are served soon", {
  ignore,
}, async () => {
  await withFewDescriptors(async (modeld, llama) => {
    const { stream, finish } = await startStream(modeld, llama);

    const clients: RawClient[] = [];
    await exhaust(modeld, clients);
    // The idle connections that were in the way have been closed, though their clients still hold them.
    await eventually("somebody else is served", async () => {
      return await modeld.get("/healthz").then(({ status }) => status === 200, () => false);
    });
    await assertStreamed(await infer(modeld.url, { prompt: "Once" }), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);

    await finish();
    await assertStreamed(stream, [" upon", " a"], "stop", [2, 1]);
    const warnings = modeld.process.stderrLines.filter((line) => line.includes("cannot accept connections"));
    assertEquals(warnings.length, 1, modeld.stderr);
    assertMatch(warnings[0] ?? "", /LimitNOFILE/);
    for (const client of clients) client.close();
    assertEquals(await modeld.stop(), { code: 0, signal: null }, modeld.stderr);
  });
});

Deno.test("SIGTERM waits for streams of the listener that failed, too", { ignore }, async () => {
  await withFewDescriptors(async (modeld, llama) => {
    const { stream, finish } = await startStream(modeld, llama);
    const clients: RawClient[] = [];
    await exhaust(modeld, clients);
    modeld.process.signal("SIGTERM");
    await modeld.process.line(/stopping/);
    await finish();
    await assertStreamed(stream, [" upon", " a"], "stop", [2, 1]);
    assertEquals(await modeld.process.exited, { code: 0, signal: null });
    for (const client of clients) client.close();
  });
});

Deno.test("a modeld that cannot connect to llama-server for want of descriptors is overloaded; the server is not lost", async () => {
  await withFewDescriptors(async (modeld, llama) => {
    const free = DESCRIPTORS - await openDescriptors(modeld.process.pid);
    // All connect before one asks, so that it is connections to llama-server which are short.
    const clients: RawClient[] = [];
    for (let count = 0; count < free / 2 + 5; count++) clients.push(await RawClient.connect(modeld.url));
    const release = Promise.withResolvers<void>();
    for (const _ of clients) {
      llama.next(async (exchange) => {
        await exchange.send(STREAM_HEAD + chunk(completionToken(" upon")));
        await release.promise;
        await exchange.send(chunk(completionStream([" a"])) + LAST_CHUNK);
      });
    }
    await Promise.all(clients.map(async (client) => {
      await client.post("/infer", { prompt: "Once" });
      await client.until("\r\n\r\n");
      await client.until("}");
    }));
    const refused = clients.filter(({ text }) => !text.startsWith("HTTP/1.1 200 "));
    assert(refused.length > 0 && refused.length < clients.length, `${refused.length} of ${clients.length} refused`);
    for (const { text } of refused) {
      assertMatch(text, /^HTTP\/1\.1 503 /);
      assertMatch(text, /"type":"overloaded"/);
      assertMatch(text, /retry-after: 1\r\n/i);
    }
    release.resolve();
    for (const client of clients) if (!refused.includes(client)) await client.until('"done":true');
    for (const client of clients) client.close();
    // The scripts of those that never came are still waiting.
    for (const _ of refused) await (await infer(modeld.url, { prompt: "Once" })).read();
    await assertStreamed(await infer(modeld.url, { prompt: "Once" }), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
    assert(!modeld.stderr.includes("lost"), modeld.stderr);
    assertMatch(modeld.stderr, /no file descriptor left/);
  });
});
