import { assert } from "@std/assert";
import { chunk, STREAM_HEAD } from "../support/replies.ts";
import { type Api, APIS, playEach } from "./support/apis.ts";

/** The flag by the name that it has for the API. */
function flagOf(api: Api, flag: string): string {
  return flag === "--llama-timeout" ? api.timeoutFlag : flag;
}

/** Sets the deadline for each API. */
function settings(flag: string, ms: number): string[] {
  return [...new Set(APIS.map((api) => flagOf(api, flag)))].flatMap((flag) => [flag, `${ms}ms`]);
}

/** A deadline, how long it is set in ms, and the name that its error carries. */
const BEFORE_FIRST_TOKEN = [
  ["--llama-first-token-timeout", 400, "first_token_timeout"],
  ["--llama-timeout", 400, "llama_timeout"],
  ["--infer-timeout", 400, "infer_timeout"],
] as const;

for (const sendsHeaders of [false, true]) {
  for (const [flag, ms, type] of BEFORE_FIRST_TOKEN) {
    const when = sendsHeaders ? "after" : "before";
    Deno.test(`a llama-server that falls silent ${when} its headers is 500 ${type}, no sooner and no other`, async () => {
      await playEach(
        { modeld: settings(flag, ms), outcomes: { "timeout prefill": 1 }, posts: 1 },
        async ({ llama, api, ask }) => {
          const taken = llama.take();
          const start = performance.now();
          const asking = ask();
          const exchange = await taken;
          if (sendsHeaders) await exchange.send(STREAM_HEAD);
          const reply = await asking;
          const waited = performance.now() - start;
          await exchange.gone;
          await reply.assertRefused({ code: 500, type, says: flagOf(api, flag) });
          assert(waited >= ms - 5 && waited < ms + 1_500, `it came after ${waited} ms`);
        },
      );
    });
  }
}

for (const [flag, type] of [["--llama-idle-timeout", "idle_timeout"], ["--llama-timeout", "llama_timeout"]] as const) {
  Deno.test(`a llama-server that falls silent mid-stream ends the reply in an error line of type ${type}`, async () => {
    const modeld = settings(flag, 400);
    await playEach({ modeld, outcomes: { "timeout stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
      const taken = llama.take();
      const asking = ask();
      const exchange = await taken;
      await exchange.send(STREAM_HEAD + chunk(api.start + api.token(" upon")));
      await (await asking).assertCutShort([" upon"], { code: 500, type, says: flagOf(api, flag) });
      await exchange.gone;
    });
  });
}

Deno.test("the first-token deadline does not cut the stream, nor the idle deadline the first token", async () => {
  const deadlines = ["--llama-first-token-timeout", "2s", "--llama-idle-timeout", "300ms"];
  await playEach({ modeld: deadlines, outcomes: { "timeout stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
    const taken = llama.take();
    const asking = ask();
    const exchange = await taken;
    await new Promise((resolve) => setTimeout(resolve, 500)); // beyond the idle deadline
    const start = performance.now();
    await exchange.send(STREAM_HEAD + chunk(api.start + api.token(" upon")));
    const expected = { code: 500, type: "idle_timeout", says: "--llama-idle-timeout" };
    await (await asking).assertCutShort([" upon"], expected);
    const waited = performance.now() - start;
    assert(waited >= 290 && waited < 900, `it came after ${waited} ms`);
  });
});
