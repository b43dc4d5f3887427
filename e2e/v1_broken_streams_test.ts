import { assert, assertEquals } from "@std/assert";
import type { Exchange } from "../tests/support/raw_http_server.ts";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "../tests/support/replies.ts";
import type { FakeLlamaHttpServer } from "../tests/support/fake_llama_http_server.ts";
import { V1_WIRES, type V1Wire } from "../tests/support/v1_wire.ts";
import { errorBody, sse } from "../tests/support/wire_streams.ts";
import { withFakeLlama } from "./support/stack.ts";
import { type Client, clients } from "./v1_clients/clients.ts";

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
    await withFakeLlama({}, async ({ llama, modeld }) => {
      for (const client of clients({ url: modeld.url })) {
        const before = llama.posts.length;
        const [caught, pieces] = await brokenStream(client, llama, die);
        assert(caught instanceof Error, `${client.name} ended as if it were whole, after ${JSON.stringify(pieces)}`);
        assertEquals(pieces.join(""), " upon", client.name);
        assertEquals(llama.posts.length - before, 1, `${client.name} asked again`);
      }
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

Deno.test("a stream that is refused after a heartbeat is an exception in every client", async () => {
  await withFakeLlama({ modeld: ["--heartbeat", "50ms"] }, async ({ llama, modeld }) => {
    for (const client of clients({ url: modeld.url })) {
      const taken = llama.take();
      const reading = (async () => {
        for await (const piece of client.stream({ prompt: "Once" })) assertEquals(piece, "", client.name);
      })();
      const exchange = await taken;
      await new Promise((resolve) => setTimeout(resolve, 300));
      await replyJson(exchange, 400, errorBody(400, "the request exceeds the context", "exceed_context_size_error"));
      const caught: unknown = await reading.then(() => undefined, (error) => error);
      assert(caught instanceof Error, `${client.name} ended as if it were whole`);
    }
  });
});

function wireOf({ path }: Client): V1Wire {
  const wire = V1_WIRES.find((wire) => wire.path === path);
  if (wire === undefined) throw new Error(`no wire for ${path}`);
  return wire;
}
