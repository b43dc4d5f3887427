import { assert, assertEquals, assertMatch } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer, type InferReply } from "../support/ndjson_client.ts";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "../support/replies.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../support/fake_llama_http_server.ts";
import { completionToken, errorBody } from "../support/wire_streams.ts";

type LogLine = Readonly<Record<string, unknown>>;

/** A daemon in front of a fake, and what it logs. */
class Logged {
  constructor(readonly llama: FakeLlamaHttpServer, readonly modeld: Daemon) {}

  /** Asks under an id of its own. */
  ask(id: string, request: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<InferReply> {
    return infer(this.modeld.url, { prompt: "Once", ...request }, { headers: { "X-Request-Id": id, ...headers } });
  }

  /** The log's lines so far; each of them is JSON. */
  get lines(): readonly LogLine[] {
    return this.modeld.process.stderrLines.map((line) => JSON.parse(line));
  }

  /** The line at the end of the inference with that id, once it is there. */
  async end(id: string): Promise<LogLine> {
    const find = () => this.lines.find((line) => line["message"] === "inference ended" && line["request_id"] === id);
    await eventually(`the log tells the end of ${id}`, () => find() !== undefined);
    return find() ?? {};
  }
}

async function withLogged(
  options: { args?: readonly string[]; fake?: FakeLlamaOptions },
  run: (logged: Logged) => Promise<void>,
): Promise<void> {
  const llama = await FakeLlamaHttpServer.start(options.fake);
  try {
    const args = ["--llama-url", llama.url.href, "--preflight=off", ...options.args ?? []];
    const modeld = await (await Daemon.start({ args })).ready();
    try {
      await run(new Logged(llama, modeld));
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    await llama.close();
  }
}

Deno.test("the log of a fault run tells each outcome apart", async () => {
  const args = ["--max-queue-depth=1", "--max-wait=1s", "--llama-first-token-timeout=700ms"];
  const more = ["--llama-idle-timeout=1500ms", "--llama-timeout=0", "--max-body-bytes=1000", "--shutdown-timeout=50ms"];
  await withLogged({ args: [...args, ...more], fake: { slots: 1 } }, async (logged) => {
    const { llama, modeld } = logged;
    const token = STREAM_HEAD + chunk(completionToken("Once"));
    const askLast = async (id: string, request?: Record<string, unknown>) => (await logged.ask(id, request)).last();

    await askLast("ok");
    await askLast("blank", { prompt: " " });
    await askLast("large", { prompt: "x".repeat(2_000) });
    await (await logged.ask("media", {}, { "Content-Type": "text/plain" })).last();
    await askLast("unknown-model", { model: "other" });
    llama.next((exchange) => replyJson(exchange, 400, errorBody(400, "bad grammar", "invalid_request_error")));
    await askLast("refused");
    llama.next((exchange) => replyJson(exchange, 500, errorBody(500, "no memory", "server_error")));
    await askLast("failed");
    llama.next((exchange) => replyJson(exchange, 401, errorBody(401, "Invalid API Key", "authentication_error")));
    await askLast("wrong-key");
    llama.next((exchange) => exchange.send(token + chunk("proxy error") + LAST_CHUNK));
    await askLast("stray");
    llama.next((exchange) => exchange.send(token + LAST_CHUNK));
    await askLast("cut");
    const silent = llama.take();
    await askLast("silent");
    await silent;
    const stalls = llama.take();
    const stalled = askLast("stalls");
    await (await stalls).send(token);
    await stalled;

    const taken = llama.take();
    const leaving = logged.ask("leaves");
    const held = await taken;
    await held.send(token);
    // Comments are life: they keep the stream that holds the only slot from its idle deadline.
    const pings = setInterval(() => held.send(chunk(":\n\n")), 100);
    const waiting = askLast("waits");
    await eventually("one waits", async () => (await modeld.json("/status")).instances[0].queue_len === 1);
    await askLast("too-many");
    await waiting;
    clearInterval(pings);
    await (await leaving).leave();
    await logged.end("leaves");

    const last = llama.take();
    const draining = logged.ask("draining");
    await (await last).send(token);
    await (await draining).read(1);
    const stopped = modeld.stop("SIGTERM");
    await (await draining).last();
    await stopped;

    const told = async (id: string) => {
      const { level, outcome, type, stage, status } = await logged.end(id);
      return [level, outcome, type, stage, status].map((word) => word ?? "").join(" ");
    };
    const expected: Record<string, string> = {
      "ok": "INFO ok  stream 200",
      "blank": "INFO invalid invalid_request queue 400",
      "media": "INFO invalid unsupported_media_type queue 415",
      "unknown-model": "INFO invalid model_not_found queue 404",
      "refused": "INFO invalid upstream_invalid prefill 400",
      "failed": "ERROR upstream_error upstream_error prefill 500",
      "wrong-key": "ERROR upstream_error upstream_refused prefill 503",
      "stray": "ERROR upstream_error protocol stream 200",
      "cut": "ERROR truncated truncated stream 200",
      "silent": "WARN timeout first_token_timeout prefill 500",
      "stalls": "WARN timeout idle_timeout stream 200",
      "leaves": "INFO cancelled cancelled stream 200",
      "waits": "WARN rejected wait_timeout queue 429",
      "too-many": "WARN rejected queue_full queue 429",
      "draining": "WARN shutdown shutting_down stream 200",
    };
    const actual: Record<string, string> = {};
    for (const id of Object.keys(expected)) actual[id] = await told(id);
    assertEquals(actual, expected);
    assertEquals(new Set(Object.values(actual)).size, Object.keys(expected).length);
    assertMatch(String((await logged.end("large"))["error"]), /1000/);
    assert(Number((await logged.end("waits"))["queue_ms"]) >= 990, "the queue's time is missing");
  });
});

Deno.test("a lost llama-server is told apart from one that was never set", async () => {
  await withLogged({}, async (logged) => {
    await logged.llama.close();
    await (await logged.ask("lost")).last();
    assertEquals((await logged.end("lost"))["type"], "unreachable");
  });
  const modeld = await Daemon.start();
  try {
    await (await infer(modeld.url, { prompt: "Once" }, { headers: { "X-Request-Id": "none" } })).last();
    await eventually("it is logged", () => modeld.stderr.includes(`"type":"not_configured"`));
  } finally {
    await modeld.stop();
  }
});

Deno.test("prompts and tokens are logged at debug and only there, keys at no level", async () => {
  const fake = { apiKey: "key-of-llama", tokens: ["mountain", "river"] };
  const args = ["--llama-api-key=key-of-llama", "--log-level=info"];
  await withLogged({ args, fake }, async (logged) => {
    await (await logged.ask("quiet", { prompt: "volcano" })).last();
    await logged.end("quiet");
    const quiet = logged.modeld.stderr;
    for (const word of ["volcano", "mountain", "river"]) assert(!quiet.includes(word), `${word} in the log at info`);

    await (await logged.ask("loud", { prompt: "volcano" }, { "X-Log-Infer": "1" })).last();
    await logged.end("loud");
    const loud = logged.lines.filter((line) => line["request_id"] === "loud" && line["level"] === "DEBUG");
    for (const word of ["volcano", "mountain", "river"]) {
      assert(loud.some((line) => JSON.stringify(line).includes(word)), `${word} is missing in the log at debug`);
    }
  });
  await withLogged({ args: ["--llama-api-key=key-of-llama", "--log-level=debug"], fake }, async (logged) => {
    await (await logged.ask("a", {}, { Authorization: "Bearer key-of-client" })).last();
    await logged.end("a");
    assert(!logged.modeld.stderr.includes("key-of-"), "a key is in the log at debug");
  });
});

Deno.test("what cannot be understood of a stream may be generated text: the client is told, the log only at debug", async () => {
  await withLogged({}, async (logged) => {
    const event = 'data: {"choices":[{"text":["mountain"]}]}\n\n';
    for (const sent of [completionToken("a") + event, completionToken("a") + "mountain\n", event, "mountain\n"]) {
      for (const [id, level] of [["quiet", "info"], ["loud", "debug"]] as const) {
        logged.llama.next((exchange) => exchange.send(STREAM_HEAD + chunk(sent) + LAST_CHUNK));
        const before = logged.lines.length;
        const reply = await logged.ask(id + sent.length, {}, { "X-Log-Level": level });
        assertMatch(String((await reply.last()).error), /llama-server sent .*: .*mountain/);
        assertEquals((await logged.end(id + sent.length))["type"], "protocol");
        const lines = JSON.stringify(logged.lines.slice(before));
        assertEquals(lines.includes("mountain"), id === "loud", lines);
      }
    }
  });
});
