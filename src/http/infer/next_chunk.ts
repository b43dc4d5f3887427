import type { Chunk, Generation } from "../../llama/adapter.ts";
import type { Timeline } from "../../base/timeline.ts";

/** Waits for the next chunk, and writes down in the timeline how long that took and what it brought. */
export function nextChunk(generation: Generation, timeline: Timeline): Promise<Chunk> {
  timeline.waiting();
  // Not an async function: it would make more garbage for each token.
  return generation.next().then((chunk) => {
    timeline.received(chunk.fragments.length);
    return chunk;
  });
}
