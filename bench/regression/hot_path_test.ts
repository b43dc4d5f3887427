import { assert } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { ByteBudget } from "../../src/http/byte_budget.ts";
import { Deadlines } from "../../src/deadlines.ts";
import { Inferences } from "../../src/http/infer/inferences.ts";
import { tokenStream } from "../../src/http/infer/token_stream.ts";
import { AbortScope } from "../../src/llama/connection/abort_scope.ts";
import { ByteStream } from "../../src/llama/connection/byte_stream.ts";
import { SilenceWatch } from "../../src/llama/generation/silence_watch.ts";
import { StreamedGeneration } from "../../src/llama/generation/streamed_generation.ts";
import { SlottedGeneration } from "../../src/manager/slotted_generation.ts";
import { answer, referenceLoop } from "./reference_loop.ts";

const TOKENS = 300;
const ROUNDS = 150;
/** Measured 1.2 on 2.8.3 and 2.9.6; 2.2 to 2.6 with a TransformStream in the path. */
const LIMIT = 1.7;

Deno.test("a token costs modeld little more than a bare loop that reads, parses and writes it", async () => {
  const inferences = new Inferences({
    clock: systemClock,
    observer: { started() {}, ended() {} },
    inferDeadlines: new Deadlines(0, systemClock),
  });
  const modeld = async (response: Response): Promise<ReadableStream<Uint8Array>> => {
    const silence = new SilenceWatch({ firstToken: 0, idle: 0 }, systemClock, () => {});
    const generation = new SlottedGeneration(
      new StreamedGeneration(new ByteStream(response, new AbortScope(), "generate"), silence),
      () => {},
    );
    const inference = inferences.begin("regression", new Request("http://modeld.invalid/infer"));
    const share = new ByteBudget(2 ** 30).open();
    const options = {
      clock: systemClock,
      writeDeadlines: new Deadlines(0, systemClock),
      maxAnswerBytes: 2 ** 30,
      share,
    };
    return tokenStream(await generation.next(), generation, inference, options);
  };
  // The fastest of many short rounds, taken in turns: a busy machine slows some of each, never only one side's best.
  let best = Infinity;
  let reference = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    reference = Math.min(reference, await timeOf(async () => await referenceLoop(answer(TOKENS))));
    best = Math.min(best, await timeOf(() => modeld(answer(TOKENS))));
  }
  const ratio = best / reference;
  const perToken = (ms: number) => ((ms / TOKENS) * 1_000).toFixed(1);
  console.log(`${perToken(best)} µs a token, ${ratio.toFixed(2)} × the bare loop's ${perToken(reference)} µs`);
  assert(ratio < LIMIT, `modeld's token path takes ${ratio.toFixed(2)} × the bare loop; the limit is ${LIMIT}`);
});

/** Milliseconds until the whole stream has been read. */
async function timeOf(stream: () => Promise<ReadableStream<Uint8Array>>): Promise<number> {
  const startedAt = performance.now();
  const reader = (await stream()).getReader();
  while (!(await reader.read()).done);
  return performance.now() - startedAt;
}
