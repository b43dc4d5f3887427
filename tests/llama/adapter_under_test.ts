import { assert } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import type { Chunk, Completion, Generation, InferenceAdapter } from "../../src/llama/adapter.ts";
import { createLlamaAdapter, type LlamaOptions } from "../../src/llama/llama_adapter.ts";
import { StandInLlamaServer, type StandInOptions } from "../support/stand_in_llama_server.ts";

/** A signal that never aborts. */
export const never = new AbortController().signal;

/** An adapter without deadlines, unless told otherwise. */
export function adapterTo(url: URL, options: Partial<LlamaOptions> = {}): InferenceAdapter {
  const none = { timeout: 0, connectTimeout: 0, firstTokenTimeout: 0, idleTimeout: 0 };
  return createLlamaAdapter({ ...none, useOpenai: true, chat: false, ...options, url });
}

/** Runs a test with a stand-in server and an adapter to it, and takes both down again. */
export async function withStandIn(
  options: StandInOptions & Partial<LlamaOptions>,
  test: (standIn: StandInLlamaServer, adapter: InferenceAdapter) => Promise<void>,
): Promise<void> {
  const standIn = await StandInLlamaServer.start(options);
  const adapter = adapterTo(standIn.url, options);
  try {
    await test(standIn, adapter);
  } finally {
    adapter.close();
    await standIn.close();
  }
}

/** Everything that a generation gives, until its completion. */
export async function readAll(generation: Generation): Promise<{ fragments: string[]; completion: Completion }> {
  const fragments: string[] = [];
  for (;;) {
    const chunk: Chunk = await generation.next();
    fragments.push(...chunk.fragments);
    if (chunk.completion !== undefined) return { fragments, completion: chunk.completion };
  }
}

/** Resolves when llama-server has no connection left: at once (5 s is what the garbage collector would take). */
export async function connectionClosed(standIn: StandInLlamaServer): Promise<void> {
  const took = await eventually("the connection is closed", () => standIn.openConnections === 0);
  assert(took < 1000, `took ${took} ms`);
}
