import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Exchange } from "../support/raw_http_server.ts";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "../support/replies.ts";
import { V1_WIRES } from "../support/v1_wire.ts";
import { errorBody, sse } from "../support/wire_streams.ts";
import { play, type Scenario } from "./support/scenario.ts";
import { postV1, type V1Reply } from "./support/v1_client.ts";

const BREAKS: Record<string, (exchange: Exchange) => void | Promise<void>> = {
  "resets": (exchange) => exchange.reset(),
  "closes without the chunk terminator": (exchange) => exchange.close(),
  "ends cleanly without a terminal event": async (exchange) => {
    await exchange.send(LAST_CHUNK);
    await exchange.close();
  },
  "sends what is no event": (exchange) => exchange.send(chunk("proxy error: Failed to read connection") + LAST_CHUNK),
};

/** Asks for a stream, lets one token through, and breaks it when the client has that. */
async function broken(
  { llama, modeld }: Scenario,
  wire: typeof V1_WIRES[number],
  breakOff: (exchange: Exchange) => void | Promise<void>,
): Promise<V1Reply> {
  const taken = llama.take();
  const { promise: hasToken, resolve } = Promise.withResolvers<void>();
  const onText = (text: string) => text.includes(" upon") && resolve();
  const asking = postV1(modeld.url, wire.path, wire.body, { onText });
  const exchange = await taken;
  await exchange.send(STREAM_HEAD + chunk(wire.start + wire.token(" upon")));
  await hasToken;
  await breakOff(exchange);
  return await asking;
}

for (const wire of V1_WIRES) {
  Deno.test(`a stream of ${wire.path} that breaks ends in an error event of its API, and in no terminal event`, async () => {
    const outcomes = { "truncated stream": 3, "upstream_error stream": 2 };
    await play({ outcomes, posts: 5 }, async (scenario) => {
      for (const [how, breakOff] of Object.entries(BREAKS)) {
        const { status, text } = await broken(scenario, wire, breakOff);
        const sent = wire.start + wire.token(" upon");
        assertEquals([status, text.slice(0, sent.length)], [200, sent], how);
        assert(text.slice(sent.length).startsWith(wire.errorEvent), `${how}: ${text.slice(sent.length)}`);
        assert(!text.includes(wire.terminal) && text.endsWith("\n\n"), how);
      }
      const said = JSON.parse(errorBody(500, "out of memory", "server_error"));
      const { text } = await broken(scenario, wire, (exchange) => exchange.send(chunk(sse(said)) + LAST_CHUNK));
      const last = text.slice((wire.start + wire.token(" upon")).length);
      assertStringIncludes(last, `data: ${JSON.stringify(said)}\n\n`);
      assertEquals(last.startsWith("event: error\n"), wire.errorEvent.startsWith("event: error\n"));
    });
  });

  Deno.test(`a silent server ends ${wire.path} by the deadline that passed: a status before the stream, an event in it`, async () => {
    const modeld = ["--llama-first-token-timeout", "300ms", "--llama-idle-timeout", "300ms"];
    const outcomes = { "timeout prefill": 1, "timeout stream": 1 };
    await play({ modeld, outcomes, posts: 2 }, async (scenario) => {
      scenario.llama.next((exchange) => exchange.gone);
      const before = await postV1(scenario.modeld.url, wire.path, wire.body);
      assertEquals([before.status, before.headers.get("x-should-retry")], [500, "false"]);
      assertStringIncludes(before.text, "--llama-first-token-timeout");
      const during = await broken(scenario, wire, () => {});
      assertEquals(during.status, 200);
      assertStringIncludes(during.text, wire.errorEvent);
      assertStringIncludes(during.text, "--llama-idle-timeout");
    });
  });

  Deno.test(`a heartbeat on ${wire.path} and then a refusal end in an error event`, async () => {
    const options = { modeld: ["--heartbeat", "50ms"], outcomes: { "invalid prefill": 1 }, posts: 1 };
    await play(options, async ({ llama, modeld }) => {
      const taken = llama.take();
      const { promise: beating, resolve } = Promise.withResolvers<void>();
      const asking = postV1(modeld.url, wire.path, wire.body, { onText: () => resolve() });
      const exchange = await taken;
      await beating;
      await replyJson(exchange, 400, errorBody(400, "too long", "exceed_context_size_error", { n_ctx: 4 }));
      const { status, text } = await asking;
      assertEquals(status, 200);
      assert(/^(: wait\n\n)+(event: error\n)?data: \{"error":\{"code":400,.*"n_ctx":4\}\}\n\n$/.test(text), text);
    });
  });
}
