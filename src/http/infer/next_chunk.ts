import type { Chunk, Generation } from "../../llama/adapter.ts";
import type { Timeline } from "../../telemetry/timeline.ts";

/** Waits for the next chunk, and writes down in the timeline how long that took and what it brought. */
export function nextChunk(generation: Generation, timeline: Timeline): Promise<Chunk> {
  timeline.waiting();
  // Not an async function: it would cost each token another 700 bytes of garbage.
  return generation.next().then((chunk) => {
    timeline.received(chunk.fragments.length);
    return chunk;
  });
}
