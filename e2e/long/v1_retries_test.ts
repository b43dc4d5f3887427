import { assert, assertEquals } from "@std/assert";
import { postV1 } from "../../tests/faults/support/v1_client.ts";
import { samples } from "../../tests/faults/support/accounts.ts";
import { CANNED_TOKENS } from "../../tests/support/canned_generation.ts";
import type { Daemon } from "../../tests/support/daemon.ts";
import { eventually } from "../../tests/support/eventually.ts";
import type { FakeLlamaHttpServer } from "../../tests/support/fake_llama_http_server.ts";
import type { Exchange } from "../../tests/support/raw_http_server.ts";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "../../tests/support/replies.ts";
import { errorBody, SSE_DONE } from "../../tests/support/wire_streams.ts";
import { withFakeLlama } from "../support/stack.ts";
import { type Client, clients } from "../v1_clients/clients.ts";

const WHOLE = CANNED_TOKENS.join("");

Deno.test("a generation that may have begun is asked for once by each client that obeys x-should-retry", async () => {
  await withFakeLlama({}, async ({ llama, modeld }) => {
    for (const client of clients({ url: modeld.url })) {
      const before = llama.posts.length;
      // It dies after the POST was read: nobody can know whether the generation had begun.
      llama.next((exchange) => exchange.reset());
      const caught = await failureOf(client.whole({ prompt: "Once" }));
      assertEquals(caught instanceof Error, client.obeysShouldRetry, client.name);
      // The others ask again by themselves, whatever they are told.
      assertEquals(llama.posts.length - before, client.obeysShouldRetry ? 1 : 2, client.name);
    }
  });
});

Deno.test("a refusal that proves that nothing began is sent again by each client, by itself, and served", async () => {
  const slots = 5;
  await withFakeLlama({ slots, modeld: ["--max-queue-depth", "0"] }, async ({ llama, modeld }) => {
    const all = clients({ url: modeld.url });
    assertEquals(all.length, slots);
    const release = await takeSlots(llama, modeld, slots);
    const answers = all.map((client) => client.whole({ prompt: "Once" }));
    await eventually("each was refused", async () => await refused(modeld) === all.length);
    await release();
    assertEquals(await Promise.all(answers), all.map(() => WHOLE));
    assertEquals([await refused(modeld), llama.posts.length], [all.length, slots + all.length]);
  });
});

Deno.test("requests that wait 20 s in the queue are served, streamed and whole, with each client as it is", async () => {
  await withFakeLlama({ slots: 1 }, async ({ llama, modeld }) => {
    const release = await takeSlots(llama, modeld, 1);
    const all = clients({ url: modeld.url });
    const raw = postV1(modeld.url, "/v1/chat/completions", { messages: [], stream: true });
    const streamed = all.map((client) => joined(client.stream({ prompt: "Once" })));
    const whole = all.map((client) => client.whole({ prompt: "Once" }));
    await eventually("all wait", async () => await queueLength(modeld) === 2 * all.length + 1);
    await new Promise((resolve) => setTimeout(resolve, 20_000)); // beyond the first heartbeat, at 15 s
    await release();
    assertEquals(await Promise.all([...streamed, ...whole]), [...all, ...all].map(() => WHOLE));
    assert((await raw).text.startsWith(": wait\n\ndata: {"), "no heartbeat was sent");
    assertEquals(await refused(modeld), 0);
    assertEquals(llama.posts.length, 2 * all.length + 2);
  });
});

/** What is wrong, and the status by which each client's own error tells of it. */
const REFUSALS: Record<string, { readonly status: number; readonly script?: (exchange: Exchange) => Promise<void> }> = {
  "a body that llama-server refuses": {
    status: 400,
    script: (exchange) => replyJson(exchange, 400, errorBody(400, "too long", "exceed_context_size_error")),
  },
  "a failure of llama-server": {
    status: 500,
    script: (exchange) => replyJson(exchange, 500, errorBody(500, "out of memory", "server_error")),
  },
  "a full queue": { status: 429 },
};

for (const [what, { status, script }] of Object.entries(REFUSALS)) {
  Deno.test(`${what} is an error of status ${status} in each client, streamed and whole`, async () => {
    await withFakeLlama({ slots: 1, modeld: ["--max-queue-depth", "0"] }, async ({ llama, modeld }) => {
      const release = script === undefined ? await takeSlots(llama, modeld, 1) : undefined;
      for (const client of clients({ url: modeld.url, maxRetries: 0 })) {
        for (const ask of [() => client.whole({ prompt: "Once" }), () => joined(client.stream({ prompt: "Once" }))]) {
          if (script !== undefined) llama.next(script);
          assertEquals(statusOf(await failureOf(ask())), status, client.name);
        }
      }
      await release?.();
    });
  });
}

/** Takes slots, and gives what frees them again. */
async function takeSlots(llama: FakeLlamaHttpServer, modeld: Daemon, slots: number): Promise<() => Promise<void>> {
  const held = await Promise.all(Array.from({ length: slots }, async () => {
    const taken = llama.take();
    const reply = postV1(modeld.url, "/v1/completions", { prompt: "Once", stream: true });
    return { exchange: await taken, reply };
  }));
  return async () => {
    for (const { exchange, reply } of held) {
      await exchange.send(STREAM_HEAD + chunk(SSE_DONE) + LAST_CHUNK);
      await exchange.close();
      await reply;
    }
  };
}

/** How many requests were answered with 429. */
async function refused(modeld: Daemon): Promise<number> {
  return samples((await modeld.get("/metrics")).text, "modeld_http_requests_total")
    .filter(({ labels }) => labels["status"] === "429").reduce((sum, { value }) => sum + value, 0);
}

async function queueLength(modeld: Daemon): Promise<number> {
  const { instances: [instance] } = await modeld.json("/status");
  return instance.queue_len;
}

async function joined(pieces: ReturnType<Client["stream"]>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => undefined, (error) => error);
}

/** The HTTP status that a client's error carries; each has its own name for it. */
function statusOf(error: unknown): unknown {
  assert(error instanceof Error, "no error");
  return "status" in error ? error.status : "statusCode" in error ? error.statusCode : undefined;
}
