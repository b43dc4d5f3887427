import { chunk, LAST_CHUNK, STREAM_HEAD } from "../support/replies.ts";
import { SSE_PING } from "../support/wire_streams.ts";
import { playEach } from "./support/apis.ts";

/** Pings come every 30 s from a real server; here they come faster. */
const PING_EVERY = 250;

for (const sendsHeaders of [true, false]) {
  const how = sendsHeaders ? "with pings" : "without headers";
  Deno.test(`a prompt that takes far longer than the connect deadline, ${how}, is cut by no deadline`, async () => {
    const pings = ["--llama-idle-timeout", "1200ms", "--llama-first-token-timeout", "1200ms"];
    const modeld = ["--llama-connect-timeout", "200ms", ...sendsHeaders ? pings : ["--llama-idle-timeout", "1200ms"]];
    await playEach({ modeld, outcomes: { "ok stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
      llama.next(async (exchange) => {
        if (sendsHeaders) await exchange.send(STREAM_HEAD);
        for (let count = 0; count < 8; count++) {
          await new Promise((resolve) => setTimeout(resolve, PING_EVERY));
          if (sendsHeaders) await exchange.send(chunk(SSE_PING));
        }
        if (!sendsHeaders) await exchange.send(STREAM_HEAD);
        await exchange.send(chunk(api.stream([" upon"])) + LAST_CHUNK);
        await exchange.close();
      });
      await (await ask()).assertStreamed([" upon"], [2, 1]);
    });
  });
}
