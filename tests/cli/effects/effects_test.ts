import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Setting } from "../../../src/config/setting.ts";
import { type SettingName, settingNames, settingsTable } from "../../../src/config/settings_table.ts";
import { BlackHole } from "../../llama/black_hole.ts";
import { RawClient } from "../../http/raw_client.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/ports.ts";
import { chunk, replyJson, STREAM_HEAD } from "../../support/replies.ts";
import { FakeLlamaHttpServer } from "../../support/fake_llama_http_server.ts";
import { completionStream } from "../../support/wire_streams.ts";
import {
  allows,
  get,
  modelsOfThreeMb,
  origin,
  outcome,
  preflightHeader,
  refusedWhileBusy,
  router,
  silence,
  statusOf,
  textFile,
} from "./observations.ts";
import { type Effect, readyz, type Rig, testedSettings, testEffect, type Upstream } from "./rig.ts";

// Each setting, through each of its sources, with a value that the API's user notices: with the default none of this would
// be seen. Settings that show in the log or on stdout are in log_effects_test.ts.

testEffect("addr", {
  text: ({ url }) => url.host,
  see: async (rig) => assertEquals(await statusOf(rig, "/healthz"), 200),
});
const metricsHost = `127.0.0.1:${freePort()}`;
testEffect("metricsAddr", {
  text: metricsHost,
  see: async () => {
    const reply = await fetch(`http://${metricsHost}/metrics`);
    assertStringIncludes(await reply.text(), "modeld_pool_waiting 0");
  },
});
testEffect("metricsAliases", {
  text: "vllm",
  see: async (rig) => assertStringIncludes(await (await get(rig, "/metrics")).text(), "vllm:num_requests_waiting"),
});
testEffect("corsEnabled", {
  text: "true",
  given: { corsOrigins: origin },
  see: async (rig) => assert(await allows(rig, origin)),
});
testEffect("corsOrigins", {
  text: `https://one.example,${origin}`,
  given: { corsEnabled: "true" },
  see: async (rig) => assertEquals([await allows(rig, origin), await allows(rig, "https://x.example")], [true, false]),
});
testEffect("corsMethods", {
  text: "POST,PUT",
  given: { corsEnabled: "true", corsOrigins: origin },
  see: async (rig) => assertStringIncludes(await preflightHeader(rig, "access-control-allow-methods"), "PUT"),
});
testEffect("corsHeaders", {
  text: "X-Own",
  given: { corsEnabled: "true", corsOrigins: origin },
  see: async (rig) => assertStringIncludes(await preflightHeader(rig, "access-control-allow-headers"), "X-Own"),
});

testEffect("llamaUrl", {
  text: ({ llamaUrl }) => llamaUrl.href,
  see: async (rig) => assertEquals((await rig.infer()).status, 200),
});
testEffect("llamaApiKey", {
  text: "sk-right",
  fake: { apiKey: "sk-right" },
  see: async (rig) => assertEquals(await outcome(rig), [200, undefined]),
});
testEffect("llamaApiKeyFile", {
  text: (rig) => textFile(rig, "sk-right\n"),
  fake: { apiKey: "sk-right" },
  see: async (rig) => assertEquals(await outcome(rig), [200, undefined]),
});
testEffect("llamaUseOpenai", {
  text: "false",
  see: async (rig) => {
    assertEquals(await outcome(rig), [200, undefined]);
    assertEquals(rig.fake.posts[0]?.path, "/completion");
  },
});
testEffect("llamaChat", {
  text: "true",
  see: async (rig) => {
    assertEquals(await outcome(rig), [200, undefined]);
    assertEquals(rig.fake.posts[0]?.path, "/v1/chat/completions");
  },
});

testEffect("modelsDir", {
  text: (rig) => {
    modelsOfThreeMb(rig);
    return rig.folder;
  },
  fake: router,
  see: async (rig) => assertEquals((await (await get(rig, "/models")).json()).models[0].family, "llama"),
});
testEffect("defaultModel", {
  text: "b",
  fake: router,
  see: async (rig) => {
    assertEquals(await outcome(rig), [200, undefined]);
    assertEquals(rig.fake.router?.stateOf("b"), "loaded");
  },
});
for (const [name, text, given] of [["vramBudgetMb", "2", {}], ["vramMarginMb", "3", { vramBudgetMb: "5" }]] as const) {
  testEffect(name, {
    text: (rig) => {
      modelsOfThreeMb(rig);
      return text;
    },
    given,
    fake: router,
    see: async (rig) => assertEquals(await outcome(rig, { model: "a" }), [507, "insufficient_vram"]),
  });
}
testEffect("maxQueueDepth", { text: "0", fake: { slots: 1 }, see: refusedWhileBusy([429, "queue_full"]) });
testEffect("maxInflight", {
  text: "1",
  given: { maxQueueDepth: "0" },
  see: refusedWhileBusy([429, "queue_full"]),
});
testEffect("idleUnload", {
  text: "50ms",
  fake: router,
  see: async (rig) => {
    assertEquals(await outcome(rig, { model: "a" }), [200, undefined]);
    await eventually("a is unloaded", () => rig.fake.router?.commands.includes("unload a") ?? false);
  },
});
testEffect("drainTimeout", {
  text: "100ms",
  given: { idleUnload: "50ms" },
  fake: router,
  see: async (rig) => {
    rig.fake.on("POST /models/unload", (exchange) => replyJson(exchange, 200, { success: true }));
    assertEquals(await outcome(rig, { model: "a" }), [200, undefined]);
    await eventually("a is not waited for any longer", async () => {
      return (await (await get(rig, "/status")).text()).includes("has not confirmed its unload within 100 ms");
    });
  },
});

testEffect("maxWait", { text: "100ms", fake: { slots: 1 }, see: refusedWhileBusy([429, "wait_timeout"]) });
for (
  const [name, type] of [
    ["inferTimeout", "infer_timeout"],
    ["llamaTimeout", "llama_timeout"],
    ["llamaFirstTokenTimeout", "first_token_timeout"],
  ] as const
) {
  testEffect(name, { text: "100ms", see: async (rig) => assertEquals(await silence(rig), [500, type]) });
}
testEffect("llamaIdleTimeout", {
  text: "100ms",
  see: async (rig) => {
    rig.fake.next(async (exchange) => {
      const [first = ""] = completionStream(["a", "b"]).split(/(?<=\n\n)/);
      await exchange.send(STREAM_HEAD + chunk(first));
      await exchange.gone;
    });
    assertEquals(await outcome(rig), [200, "idle_timeout"]);
  },
});
testEffect("bodyTimeout", {
  text: "100ms",
  see: async (rig) => {
    using client = await RawClient.connect(Number(rig.url.port));
    await client.send(
      "POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    );
    assert(await client.readUntil("body_timeout"));
  },
});
testEffect("writeTimeout", {
  text: "200ms",
  see: async (rig) => {
    const taken = rig.fake.take();
    using client = await RawClient.connect(Number(rig.url.port));
    const body = '{"prompt":"Once"}';
    await client.send(
      `POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const exchange = await taken;
    const event = chunk(completionStream(["x".repeat(60_000)]).split(/(?<=\n\n)/)[0] ?? "");
    let isGone = false;
    exchange.gone.then(() => isGone = true);
    await exchange.send(STREAM_HEAD);
    // Until modeld gives up: then sending fails.
    while (!isGone) await exchange.send(event).catch(() => {});
  },
});
testEffect("shutdownTimeout", {
  text: "100ms",
  fake: { tokens: Array(1_000).fill("x"), tokenDelay: 50 },
  see: async (rig) => {
    const reply = await rig.infer();
    await reply.read(1);
    const startedAt = performance.now();
    const stopped = rig.stop();
    assertEquals((await reply.last()).type, "shutting_down");
    assert(performance.now() - startedAt < 4_000);
    assertEquals(await stopped, 0);
  },
});

testEffect("maxBodyBytes", {
  text: "10",
  see: async (rig) => assertEquals(await outcome(rig), [400, "invalid_request"]),
});
testEffect("maxAnswerBytes", {
  text: "3",
  see: async (rig) => assertEquals(await outcome(rig, { stream: false }), [500, "answer_too_large"]),
});
testEffect("maxBufferedBytes", {
  text: "65536",
  see: async (rig) => assertEquals(await outcome(rig, { prompt: "x".repeat(70_000) }), [503, "overloaded"]),
});
testEffect("v1MaxBodyBytes", {
  text: "10",
  see: async (rig) => assertEquals((await chat(rig)).status, 400),
});
testEffect("allowMediaUrls", {
  text: "true",
  see: async (rig) => {
    const picture = [{ type: "image_url", image_url: { url: "http://192.0.2.1/picture.png" } }];
    assertEquals((await chat(rig, { messages: [{ role: "user", content: picture }] })).status, 200);
  },
});
testEffect("v1Timeout", {
  text: "150ms",
  see: async (rig) => {
    const taken = rig.fake.take();
    const reply = chat(rig);
    await (await taken).gone;
    assertEquals([(await reply).status, (await reply).body.error.code], [500, "llama_timeout"]);
  },
});
testEffect("heartbeat", {
  text: "50ms",
  see: async (rig) => {
    const taken = rig.fake.take();
    const reply = await get(rig, "/v1/chat/completions", chatRequest({ stream: true }));
    const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader?.read())?.value, ": wait\n\n");
    await reader?.cancel();
    await (await taken).gone;
  },
});
testEffect("aliases", {
  text: "gpt-4o=a",
  fake: router,
  see: async (rig) => {
    assertEquals(await outcome(rig, { model: "gpt-4o" }), [200, undefined]);
    assertEquals((await chat(rig, { model: "gpt-4o" })).status, 200);
  },
});
testEffect("maxHeaderCount", {
  text: "3",
  see: async (rig) => assertEquals(await statusOf(rig, "/healthz", { "X-1": "1", "X-2": "2", "X-3": "3" }), 400),
});
testEffect("maxPathLength", {
  text: "10",
  see: async (rig) => assertEquals(await statusOf(rig, "/healthz?some=more"), 400),
});
testEffect("maxJsonDepth", {
  text: "2",
  see: async (rig) => assertEquals(await outcome(rig, { other: [[[]]] }), [400, "invalid_request"]),
});
testEffect("maxConcurrentRequests", { text: "1", see: refusedWhileBusy([503, "overloaded"]) });
testEffect("maxInflightPerClient", { text: "1", see: refusedWhileBusy([429, "client_limit"]) });

const seeKey: Effect["see"] = async (rig) => {
  assertEquals(await statusOf(rig, "/models"), 401);
  assertEquals(await statusOf(rig, "/models", { Authorization: "Bearer sk-two" }), 200);
};
testEffect("apiKeyFile", { text: (rig) => textFile(rig, "sk-one\nsk-two\n"), see: seeKey });
testEffect("apiKeys", { text: "sk-one,sk-two", see: seeKey });
testEffect("allowedHosts", {
  text: "one.example,two.example",
  see: async (rig) => assertEquals(await statusUnder(rig, "two.example"), 200),
});
testEffect("trustedProxies", {
  text: "10.0.0.0/8,127.0.0.1",
  see: async (rig) => assertEquals(await statusUnder(rig, "two.example"), 200),
});
testEffect("tlsCertFile", { text: tlsFile("server"), given: { tlsKeyFile: tlsFile("server_key") }, ...overTls() });
testEffect("tlsKeyFile", { text: tlsFile("server_key"), given: { tlsCertFile: tlsFile("server") }, ...overTls() });

testEffect("preflight", {
  text: "warn",
  fake: "absent",
  see: async (rig) => {
    await eventually("modeld serves all the same", async () => (await outcome(rig))[1] === "unreachable");
  },
});
testEffect("preflightWait", {
  text: "60s",
  fake: "absent",
  given: { preflight: "fail" },
  see: async (rig) => {
    const late = await FakeLlamaHttpServer.start({ port: Number(rig.llamaUrl.port) });
    await eventually("modeld is ready", async () => await readyz(rig.url) === "ready");
    await late.close();
  },
});

testEffect("llamaConnectTimeout", {
  text: "200ms",
  notByReload: "the first poll runs for the default of 5 s; tests/llama has a test of it",
  upstream: () => BlackHole.open(),
  see: async (rig) => {
    // Well before the default of 5 s.
    await eventually("modeld gives the connection up", async () => await readyz(rig.url) === "unreachable", 3_000);
  },
});
testEffect("llamaCaFile", {
  text: tlsFile("ca"),
  upstream: tlsServer,
  see: async (rig) => {
    await eventually("modeld is ready", async () => await readyz(rig.url) === "ready");
    assertEquals(await outcome(rig), [200, undefined]);
  },
});

Deno.test("no setting is left out", () => {
  const elsewhere: readonly SettingName[] = [
    "config",
    "logLevel",
    "logFormat",
    "events",
    // They show only between clients, or between servers: tests/dispatch.
    "priorityAgeing",
    "maxAffinityWait",
    "maxReplicas",
  ];
  const missing = settingNames.filter((name) => {
    const { deprecated }: Setting<unknown> = settingsTable[name];
    return deprecated === undefined && !testedSettings.has(name) && !elsewhere.includes(name);
  });
  assertEquals(missing, []);
});

/** A chat request, as `fetch` takes it. */
function chatRequest(more: Record<string, unknown> = {}): RequestInit {
  const body = JSON.stringify({ messages: [{ role: "user", content: "Once" }], ...more });
  return { method: "POST", headers: { "Content-Type": "application/json" }, body };
}

async function chat(rig: Rig, more?: Record<string, unknown>) {
  const reply = await get(rig, "/v1/chat/completions", chatRequest(more));
  return { status: reply.status, body: await reply.json() };
}

function tlsFile(name: string): string {
  return new URL(`../../llama/tls/${name}.pem`, import.meta.url).pathname;
}

/** modeld answers over TLS; it has no llama-server, as it is waited for over plain HTTP alone. */
function overTls(): Pick<Effect, "fake" | "see"> {
  const see: Effect["see"] = async ({ url }) => {
    using client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(tlsFile("ca"))], poolMaxIdlePerHost: 0 });
    const answered = () => fetch(`https://${url.host}/healthz`, { client }).then((reply) => reply.text());
    assertEquals(await answered(), "ok");
  };
  return { fake: "absent", see };
}

/** The status of the answer to a request under this name. */
async function statusUnder(rig: Rig, host: string): Promise<number> {
  using client = await RawClient.connect(Number(rig.url.port));
  await client.send(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  return Number((await client.readToEnd()).slice(9, 12));
}

/** A llama-server behind TLS, its certificate signed by an authority of the tests' own. */
function tlsServer(): Promise<Upstream> {
  const pem = (name: string) => Deno.readTextFileSync(tlsFile(name));
  const tls = { hostname: "127.0.0.1", port: 0, cert: pem("server"), key: pem("server_key"), onListen() {} };
  const server = Deno.serve(tls, ({ method, url }) => {
    if (method === "POST") return new Response(completionStream(["a", "b"]));
    return Response.json(new URL(url).pathname === "/props" ? { total_slots: 1 } : { data: [{ id: "tiny" }] });
  });
  return Promise.resolve({ url: new URL(`https://127.0.0.1:${server.addr.port}`), close: () => server.shutdown() });
}
