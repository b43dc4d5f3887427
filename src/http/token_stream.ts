import { ModeldError } from "../errors.ts";
import type { Chunk, Generation } from "../llama/adapter.ts";
import { asModeldError } from "./error_reply.ts";
import type { Inference } from "./inference.ts";
import { errorLine, finalLine, tokenLines } from "./ndjson.ts";
import { nextChunk } from "./next_chunk.ts";

const utf8 = new TextEncoder();

/**
 * The NDJSON body of a streamed reply: `first`, then what the generation still brings, then the final or the error line.
 * It reads the generation only as fast as the client reads, and ends the inference when it ends.
 */
export function tokenStream(first: Chunk, generation: Generation, inference: Inference): ReadableStream<Uint8Array> {
  let content = "";
  let next: Chunk | undefined = first;
  let ended = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (ended) return controller.close();
      try {
        const { fragments, completion } = next ?? await nextChunk(generation, inference.timeline);
        next = undefined;
        let lines = tokenLines(fragments);
        for (const fragment of fragments) content += fragment;
        if (completion !== undefined) {
          lines += finalLine(content, completion);
          ended = true;
          inference.complete(completion.usage);
        }
        controller.enqueue(utf8.encode(lines));
      } catch (error) {
        const failure = asModeldError(error);
        ended = true;
        inference.fail(failure, 200);
        controller.enqueue(utf8.encode(errorLine(failure)));
      }
    },
    cancel() {
      inference.abort(new ModeldError("cancelled", "the client left"));
    },
  }, { highWaterMark: 0 });
}
