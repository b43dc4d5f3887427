import { assert } from "@std/assert";
import { AbortScope } from "../../src/base/abort.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Deadlines } from "../../src/base/deadlines.ts";
import { ByteStream } from "../../src/llama/connection/byte_stream.ts";
import type { Exchange } from "../../src/llama/exchange.ts";
import { Failures } from "../../src/llama/failures.ts";
import { EventDecoder } from "../../src/llama/stream/event_decoder.ts";
import { HttpExchange } from "../../src/llama/stream/http_exchange.ts";
import { SilenceWatch } from "../../src/llama/stream/silence_watch.ts";
import { answer, copyLoop, referenceLoop } from "./reference_loop.ts";

const TOKENS = 300;
const ROUNDS = 150;

Deno.test("reading a token's view costs little more than a bare loop that reads, parses and writes it", async () => {
  // Measured 1.4 to 1.5 on 2.9.6.
  await compare("with its view", (response) => lines(exchange(response)), referenceLoop, 1.8);
});

Deno.test("passing a token on costs little more than a bare loop that copies its bytes", async () => {
  // Measured 1.75 to 1.9 on 2.9.6, about 1.4 µs more; parsing each token as well takes 2.7.
  await compare("passed on", (response) => bytes(exchange(response)), copyLoop, 2.3);
});

async function compare(
  what: string,
  modeld: (response: Response) => ReadableStream<Uint8Array>,
  reference: (response: Response) => ReadableStream<Uint8Array>,
  limit: number,
): Promise<void> {
  // The fastest of many short rounds, taken in turns: a busy machine slows some of each, never only one side's best.
  let ours = Infinity;
  let bare = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    bare = Math.min(bare, await timeOf(() => reference(answer(TOKENS))));
    ours = Math.min(ours, await timeOf(() => modeld(answer(TOKENS))));
  }
  const ratio = ours / bare;
  const perToken = (ms: number) => ((ms / TOKENS) * 1_000).toFixed(1);
  console.log(`${what}: ${perToken(ours)} µs a token, ${ratio.toFixed(2)} × the bare loop's ${perToken(bare)} µs`);
  assert(ratio < limit, `a token ${what} takes ${ratio.toFixed(2)} × the bare loop; the limit is ${limit}`);
}

function exchange(response: Response): Exchange {
  const scope = new AbortScope();
  const failures = new Failures();
  const parts = {
    contentType: "text/event-stream",
    isStream: true,
    bytes: new ByteStream(response, scope, "generate"),
    scope,
    signal: scope.signal,
    silence: new SilenceWatch({ firstToken: 0, idle: 0 }, systemClock, () => {}),
    failures,
    terminalDeadlines: new Deadlines(0, systemClock),
  };
  return new HttpExchange(parts, (onMisread) => new EventDecoder({ failures, choices: 1, onMisread }));
}

/** Each batch written on as it came. */
function bytes(exchange: Exchange): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const batch = await exchange.read();
      if (batch === undefined) return controller.close();
      controller.enqueue(batch.bytes.slice());
    },
  }, { highWaterMark: 0 });
}

/** A line for each token, and one at the end. */
function lines(exchange: Exchange): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let content = "";
  return new ReadableStream({
    async pull(controller) {
      const batch = await exchange.read();
      let written = "";
      for (const { view } of batch?.events ?? []) {
        if (view.text === "") continue;
        content += view.text;
        written += `{"token":${JSON.stringify(view.text)}}\n`;
      }
      if (exchange.completion !== undefined) written += `{"done":true,"content":${JSON.stringify(content)}}\n`;
      controller.enqueue(encoder.encode(written));
      if (exchange.completion !== undefined) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** Milliseconds until the whole stream has been read. */
async function timeOf(stream: () => ReadableStream<Uint8Array>): Promise<number> {
  const startedAt = performance.now();
  const reader = stream().getReader();
  while (!(await reader.read()).done);
  return performance.now() - startedAt;
}
