import { ModeldError } from "../../errors.ts";
import type { Completion } from "../../llama/adapter.ts";
import type { Inference } from "./inference.ts";
import { WriteWatch, type WriteWatchOptions } from "./write_watch.ts";

/**
 * The body of a reply that is complete, written piece by piece as the client takes it. Ends the inference when the client
 * has taken all of it, or takes nothing for too long. A piece that was taken is held no longer.
 */
export function wholeAnswer(
  pieces: readonly Uint8Array<ArrayBuffer>[],
  completion: Completion,
  inference: Inference,
  options: WriteWatchOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const watch = new WriteWatch(inference, options);
  const left = pieces.toReversed();
  let closed = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      watch.start();
      inference.onEnd(() => {
        watch.release();
        left.length = 0;
        if (!closed) controller.error(new ModeldError("cancelled", "the answer was cut"));
      });
    },
    pull(controller) {
      watch.taken = true;
      const piece = left.pop();
      if (piece !== undefined) {
        watch.wrote();
        controller.enqueue(piece);
        return;
      }
      closed = true;
      controller.close();
      inference.complete(completion);
    },
    cancel: () => inference.clientLeft(),
  }, { highWaterMark: 0 });
}
