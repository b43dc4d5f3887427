import { assertCutShort, assertRefused, assertStreamed } from "../support/assert_reply.ts";
import { CLOSE_DELIMITED_HEAD, replyStream } from "../support/replies.ts";
import {
  completionEnd,
  completionStream,
  completionToken,
  nativeStream,
  nativeToken,
} from "../support/wire_streams.ts";
import { play } from "./support/scenario.ts";

const TRUNCATED = { code: 500, type: "truncated", says: "adapter generate: " };

Deno.test("a stream that ends cleanly without a terminal event ends in an error line of type truncated", async () => {
  await play({ outcomes: { "truncated stream": 3 }, posts: 3 }, async ({ llama, ask }) => {
    llama.next((exchange) => replyStream(exchange, completionToken(" upon") + completionToken(" a")));
    await assertCutShort(await ask(), [" upon", " a"], TRUNCATED);

    llama.next((exchange) => replyStream(exchange, nativeToken(" upon")));
    await assertCutShort(await ask(), [" upon"], TRUNCATED);

    llama.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD + completionToken(" upon"));
      await exchange.close();
    });
    await assertCutShort(await ask(), [" upon"], TRUNCATED);
  });
});

Deno.test("a stream that ends before its first event is 500 truncated", async () => {
  await play({ outcomes: { "truncated prefill": 1 }, posts: 1 }, async ({ llama, ask }) => {
    llama.next((exchange) => replyStream(exchange, ""));
    await assertRefused(await ask(), TRUNCATED);
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
  await play({ outcomes: { "truncated stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
    llama.next((exchange) =>
      replyStream(exchange, completionStream([" upon"]).slice(0, -"\n\ndata: [DONE]\n\n".length - 5))
    );
    await assertCutShort(await ask(), [" upon"], TRUNCATED);
  });
});
