import { assertStreamed } from "../support/assert_reply.ts";
import { CLOSE_DELIMITED_HEAD, replyStream } from "../support/replies.ts";
import { completionEnd, completionToken, nativeStream, nativeToken } from "../support/wire_streams.ts";
import { playEach } from "./support/apis.ts";
import { play } from "./support/scenario.ts";

const TRUNCATED = { code: 500, type: "truncated", says: "adapter generate: " };

Deno.test("a stream that ends cleanly without a terminal event ends in an error line of type truncated", async () => {
  await playEach({ outcomes: { "truncated stream": 3 }, posts: 3 }, async ({ llama, api, ask }) => {
    llama.next((exchange) => replyStream(exchange, api.start + api.token(" upon") + api.token(" a")));
    await (await ask()).assertCutShort([" upon", " a"], TRUNCATED);

    const native = nativeToken(" upon"); // whatever it was asked for
    llama.next((exchange) => replyStream(exchange, api.path === "/infer" ? native : api.token(" upon")));
    await (await ask()).assertCutShort([" upon"], TRUNCATED);

    llama.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD + api.token(" upon"));
      await exchange.close();
    });
    await (await ask()).assertCutShort([" upon"], TRUNCATED);
  });
});

Deno.test("a stream that ends before its first event is 500 truncated", async () => {
  await playEach({ outcomes: { "truncated prefill": 1 }, posts: 1 }, async ({ llama, ask }) => {
    llama.next((exchange) => replyStream(exchange, ""));
    await (await ask()).assertRefused(TRUNCATED);
  });
});

Deno.test("any one terminal event is enough: [DONE], a finish_reason, or native stop", async () => {
  await play({ outcomes: { "ok stream": 3 }, posts: 3 }, async ({ llama, ask }) => {
    llama.next((exchange) => replyStream(exchange, completionToken(" upon") + "data: [DONE]\n\n"));
    await assertStreamed(await ask(), [" upon"], "stop", [0, 0]);

    llama.next((exchange) => replyStream(exchange, completionToken(" upon") + completionEnd("length")));
    await assertStreamed(await ask(), [" upon"], "length", [2, 2]);

    llama.next((exchange) => replyStream(exchange, nativeStream([" upon"])));
    await assertStreamed(await ask(), [" upon"], "stop", [2, 1]);
  });
});

Deno.test("an unfinished last event is a cut, however complete its JSON looks", async () => {
  await playEach({ outcomes: { "truncated stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
    const [finish = ""] = api.end(1).split("\n\n", 1);
    llama.next((exchange) => replyStream(exchange, api.start + api.token(" upon") + finish.slice(0, -5)));
    await (await ask()).assertCutShort([" upon"], TRUNCATED);
  });
});
