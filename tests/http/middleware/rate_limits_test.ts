import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Client, digestKey, plainClient } from "../../../src/base/client.ts";
import { ModeldError } from "../../../src/base/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { COMPLETION } from "../fake_fleet.ts";
import { type TestServer, withServer } from "../with_server.ts";

const digest = await digestKey("sk-one");

/** Runs a test with one client that has these limits; with the path of an API, a body for it, and how to ask. */
function limited(
  limits: Partial<Client>,
  test: (
    ask: (body?: object, path?: string) => Promise<Response>,
    clock: FakeClock,
    server: TestServer,
  ) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  const client: Client = { ...plainClient("one", [digest]), ...limits };
  return withServer(async (server) => {
    const ask = (body: object = {}, path = "/infer") =>
      fetch(`${server.url}${path}`, {
        method: "POST",
        body: JSON.stringify({ prompt: "12345678", stream: false, ...body }),
        headers: { "Content-Type": "application/json", authorization: "Bearer sk-one" },
      });
    await test(ask, clock, server);
  }, { clients: [client], clock });
}

const left = ({ headers }: Response) => headers.get("x-ratelimit-remaining-tokens");

for (const path of ["/infer", "/v1/completions"]) {
  Deno.test(`${path}: the request after the last of a minute is 429, until another is there`, () =>
    limited({ requestsPerMinute: 2 }, async (ask, clock, { fleet }) => {
      const statuses: number[] = [];
      for (let i = 0; i < 3; i++) {
        const reply = await ask({}, path);
        statuses.push(reply.status);
        assertEquals(reply.headers.get("x-ratelimit-limit-requests"), "2");
        assertEquals(reply.headers.get("x-ratelimit-remaining-requests"), ["1", "0", "0"][i]);
        assertEquals(reply.headers.get("x-ratelimit-reset-requests"), ["30s", "1m0s", "1m0s"][i]);
        assertEquals(reply.headers.get("x-ratelimit-limit-tokens"), null);
        const text = await reply.text();
        if (reply.status !== 429) continue;
        assertEquals(reply.headers.get("retry-after"), "30");
        assertStringIncludes(text, "rate_limited");
        assertStringIncludes(text, "client one may use 2 requests a minute; try again in 30 s");
      }
      assertEquals(statuses, [200, 200, 429]);
      assertEquals(fleet.calls.length, 2);
      clock.advance(29_999);
      const early = await ask({}, path);
      await early.body?.cancel();
      clock.advance(1);
      const late = await ask({}, path);
      await late.body?.cancel();
      assertEquals([early.status, late.status], [429, 200]);
    }));
}

Deno.test("tokens are charged by the prompt and the longest answer, and replaced by what llama-server counted", () =>
  limited({ tokensPerMinute: 1_000 }, async (ask) => {
    const first = await ask({ max_tokens: 100 });
    await first.body?.cancel();
    assertEquals(left(first), String(1_000 - 2 - 100));
    // The first one took 5 tokens in the end.
    const second = await ask({ max_tokens: 1_000 });
    await second.body?.cancel();
    assertEquals(left(second), String(1_000 - COMPLETION.usage.totalTokens - 2 - 256));
  }));

Deno.test("/v1: each of several answers is charged, by the limit that llama-server takes", () =>
  limited({ tokensPerMinute: 1_000 }, async (ask) => {
    // The prompt's ten bytes, quotes included, are three tokens.
    const several = await ask({ n: 3, max_tokens: 50, n_predict: null, max_completion_tokens: 20 }, "/v1/completions");
    await several.body?.cancel();
    assertEquals(left(several), String(1_000 - 3 - 3 * 20));
  }));

Deno.test("/v1: a number of answers beyond all measure costs its client nothing once llama-server has refused it", () =>
  limited({ tokensPerMinute: 1_000 }, async (ask, _, { fleet }) => {
    fleet.script = () => {
      throw new ModeldError("upstream_invalid", "n is too large");
    };
    const refused = await ask({ n: 1e300 }, "/v1/completions");
    await refused.body?.cancel();
    assertEquals([refused.status, left(refused)], [400, "0"]);
    const next = await ask({ max_tokens: 8 });
    await next.body?.cancel();
    assertEquals(left(next), "990");
  }));

Deno.test("a request that never got a slot gives its tokens back, one that may have run does not", () =>
  limited({ tokensPerMinute: 1_000 }, async (ask, _, { fleet }) => {
    const fail = async (error: ModeldError, stage: "queue" | "prefill") => {
      fleet.script = (_, { context }) => {
        context.timeline.enter(stage);
        throw error;
      };
      const reply = await ask({ max_tokens: 98 });
      await reply.body?.cancel();
      return left(reply);
    };
    assertEquals(await fail(new ModeldError("queue_full", "full"), "queue"), "900");
    assertEquals(await fail(new ModeldError("infer_timeout", "late"), "queue"), "900");
    assertEquals(await fail(new ModeldError("upstream_error", "broken"), "prefill"), "900");
    assertEquals(await fail(new ModeldError("upstream_error", "broken"), "prefill"), "800");
  }));

Deno.test("clients without limits are not counted, and their replies say nothing of limits", () =>
  limited({}, async (ask) => {
    const reply = await ask();
    await reply.body?.cancel();
    assertEquals([...reply.headers.keys()].filter((name) => name.startsWith("x-ratelimit")), []);
  }));
