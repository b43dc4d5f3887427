import { assert, assertEquals } from "@std/assert";
import { CANNED_TOKENS } from "../tests/support/canned_generation.ts";
import { Daemon } from "../tests/support/daemon.ts";
import type { Exchange } from "../tests/support/raw_http_server.ts";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "../tests/support/replies.ts";
import { FakeLlamaHttpServer } from "../tests/support/fake_llama_http_server.ts";
import { V1_WIRES, type V1Wire } from "../tests/support/v1_wire.ts";
import { errorBody, sse, SSE_DONE } from "../tests/support/wire_streams.ts";
import { type Client, type ClientOptions, clients } from "./v1_clients/clients.ts";

/** Runs a test with each client against a fake llama-server that the test breaks. */
async function withEachClient(
  options: { readonly modeld?: readonly string[]; readonly slots?: number; readonly client?: Partial<ClientOptions> },
  run: (client: Client, llama: FakeLlamaHttpServer, modeld: Daemon) => Promise<void>,
): Promise<void> {
  const llama = await FakeLlamaHttpServer.start({ slots: options.slots ?? 4 });
  try {
    const args = ["--llama-url", llama.url.href, "--preflight=off", ...options.modeld ?? []];
    const modeld = await (await Daemon.start({ args })).ready();
    try {
      for (const client of clients({ url: modeld.url, ...options.client })) await run(client, llama, modeld);
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    await llama.close();
  }
}

const DEATHS: Record<string, (exchange: Exchange) => void | Promise<void>> = {
  "is cut": (exchange) => exchange.close(),
  "is reset": (exchange) => exchange.reset(),
  "has an error event": (exchange) =>
    exchange.send(chunk(sse(JSON.parse(errorBody(500, "out of memory", "server_error")))) + LAST_CHUNK),
  "ends without its terminal event": async (exchange) => {
    await exchange.send(LAST_CHUNK);
    await exchange.close();
  },
};

for (const [how, die] of Object.entries(DEATHS)) {
  Deno.test(`a stream that ${how} is an exception in every client, and was asked for once`, async () => {
    await withEachClient({}, async (client, llama) => {
      const before = llama.posts.length;
      const [caught, pieces] = await brokenStream(client, llama, die);
      assert(caught instanceof Error, `${client.name} ended as if it were whole, after ${JSON.stringify(pieces)}`);
      assertEquals(pieces.join(""), " upon", client.name);
      assertEquals(llama.posts.length - before, 1, `${client.name} asked again`);
    });
  });
}

/** Lets a client stream one token, and breaks the stream then. */
async function brokenStream(
  client: Client,
  llama: FakeLlamaHttpServer,
  die: (exchange: Exchange) => void | Promise<void>,
): Promise<[unknown, string[]]> {
  const wire = wireOf(client);
  const taken = llama.take();
  const pieces: string[] = [];
  const { promise: seen, resolve } = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const piece of client.stream({ prompt: "Once" })) {
      pieces.push(piece);
      if (piece !== "") resolve();
    }
  })();
  const exchange = await taken;
  await exchange.send(STREAM_HEAD + chunk(wire.start + wire.token(" upon")));
  await Promise.race([seen, reading]);
  await die(exchange);
  const caught: unknown = await reading.then(() => undefined, (error) => error);
  return [caught, pieces];
}

Deno.test("a generation that may have begun is asked for once by each client that obeys x-should-retry", async () => {
  await withEachClient({}, async (client, llama) => {
    const before = llama.posts.length;
    // It dies after the POST was read: nobody can know whether the generation had begun.
    llama.next((exchange) => exchange.reset());
    const caught: unknown = await client.whole({ prompt: "Once" }).then(() => undefined, (error) => error);
    assertEquals(caught instanceof Error, client.obeysShouldRetry, client.name);
    // The others ask again by themselves, whatever they are told.
    assertEquals(llama.posts.length - before, client.obeysShouldRetry ? 1 : 2, client.name);
  });
});

Deno.test("a refusal that proves that nothing began is sent again by each client, and served", async () => {
  await withEachClient({ modeld: ["--max-wait", "1s"] }, async (client, llama) => {
    llama.next((exchange) => replyJson(exchange, 503, errorBody(503, "Loading model", "unavailable_error")));
    assertEquals(await client.whole({ prompt: "Once" }), CANNED_TOKENS.join(""), client.name);
  });
});

Deno.test("heartbeats keep a queued stream alive, and no client takes one for a part of its answer", async () => {
  await withEachClient({ slots: 1, modeld: ["--heartbeat", "100ms"] }, async (client, llama, modeld) => {
    const busy = llama.take();
    const first = fetch(new URL("/v1/completions", modeld.url), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "Once", stream: true }),
    });
    const exchange = await busy;
    const pieces: string[] = [];
    const reading = (async () => {
      for await (const piece of client.stream({ prompt: "Once" })) pieces.push(piece);
    })();
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // ten heartbeats
    await exchange.send(STREAM_HEAD + chunk(SSE_DONE) + LAST_CHUNK);
    await exchange.close();
    await (await first).text();
    await reading;
    assertEquals(pieces.join(""), CANNED_TOKENS.join(""), client.name);
  });
});

Deno.test("a stream that is refused after a heartbeat is an exception in every client", async () => {
  await withEachClient({ modeld: ["--heartbeat", "50ms"] }, async (client, llama) => {
    const taken = llama.take();
    const reading = (async () => {
      for await (const piece of client.stream({ prompt: "Once" })) assertEquals(piece, "", client.name);
    })();
    const exchange = await taken;
    await new Promise((resolve) => setTimeout(resolve, 300));
    await replyJson(exchange, 400, errorBody(400, "the request exceeds the context", "exceed_context_size_error"));
    const caught: unknown = await reading.then(() => undefined, (error) => error);
    assert(caught instanceof Error, `${client.name} ended as if it were whole`);
  });
});

function wireOf({ path }: Client): V1Wire {
  const wire = V1_WIRES.find((wire) => wire.path === path);
  if (wire === undefined) throw new Error(`no wire for ${path}`);
  return wire;
}
