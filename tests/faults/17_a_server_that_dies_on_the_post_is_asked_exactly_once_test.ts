import type { Exchange } from "../support/raw_http_server.ts";
import { playEach } from "./support/apis.ts";

const DEATHS: Record<string, (exchange: Exchange) => void | Promise<void>> = {
  "closes": (exchange) => exchange.close(),
  "resets": (exchange) => exchange.reset(),
  "sends half a status line and closes": async (exchange) => {
    await exchange.send("HTTP/1.1 20");
    await exchange.close();
  },
};

for (const [how, die] of Object.entries(DEATHS)) {
  Deno.test(`a llama-server that takes the POST and ${how} before its headers is 500, asked exactly once`, async () => {
    await playEach({ outcomes: { "upstream_error prefill": 10 }, posts: 10 }, async ({ llama, ask }) => {
      for (let count = 0; count < 10; count++) {
        llama.next(die);
        await (await ask()).assertRefused({ code: 500, type: "upstream_error", says: "adapter generate: " });
      }
    });
  });
}
