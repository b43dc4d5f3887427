import { assert } from "@std/assert";
import { connectLlamaServer, type LlamaOptions, type LlamaTerms } from "../../src/llama/connect.ts";
import type { Completion, Exchange } from "../../src/llama/exchange.ts";
import type { LlamaServer } from "../../src/llama/llama_server.ts";
import { eventually } from "../support/eventually.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../support/fake_llama_http_server.ts";

/** A signal that never aborts. */
export const never = new AbortController().signal;

/** How a test reaches its server and talks to it. */
type WayOptions = Partial<LlamaTerms> & Partial<Pick<LlamaOptions, "caCerts" | "clock">>;

/** The way to a server, without deadlines unless told otherwise. */
export function serverAt(url: URL, { caCerts, clock, ...given }: WayOptions = {}): LlamaServer {
  const none = { timeout: 0, connectTimeout: 0, firstTokenTimeout: 0, idleTimeout: 0 };
  const terms: LlamaTerms = { ...none, useOpenai: true, chat: false, ...given };
  return connectLlamaServer({ url, terms: () => terms, ...(caCerts && { caCerts }), ...(clock && { clock }) });
}

/** Runs a test with a fake server and the way to it, and takes both down again. */
export async function withFake(
  options: FakeLlamaOptions & WayOptions,
  test: (fake: FakeLlamaHttpServer, llama: LlamaServer) => Promise<void>,
): Promise<void> {
  const fake = await FakeLlamaHttpServer.start(options);
  const llama = serverAt(fake.url, options);
  try {
    await test(fake, llama);
  } finally {
    llama.close();
    await fake.close();
  }
}

/** The non-empty texts of the next events that have any; none at the end. */
export async function nextFragments(exchange: Exchange): Promise<string[]> {
  for (;;) {
    const batch = await exchange.read();
    const texts = batch?.events.map(({ view }) => view.text).filter((text) => text !== "") ?? [];
    if (batch === undefined || texts.length > 0) return texts;
  }
}

/** Everything that an exchange gives, until its completion. */
export async function readAll(exchange: Exchange): Promise<{ fragments: string[]; completion: Completion }> {
  const fragments: string[] = [];
  for (let batch; (batch = await exchange.read()) !== undefined;) {
    fragments.push(...batch.events.map(({ view }) => view.text).filter((text) => text !== ""));
  }
  assert(exchange.completion !== undefined, "an exchange that was read to its end has a completion");
  return { fragments, completion: exchange.completion };
}

/** The bytes that an exchange gives, as text, until its completion. No view is asked for. */
export async function readText(exchange: Exchange): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let batch; (batch = await exchange.read()) !== undefined;) text += decoder.decode(batch.bytes, { stream: true });
  return text;
}

/** Resolves when llama-server has no connection left: at once (5 s is what the garbage collector would take). */
export async function connectionClosed(fake: FakeLlamaHttpServer): Promise<void> {
  const took = await eventually("the connection is closed", () => fake.openConnections === 0);
  assert(took < 1000, `took ${took} ms`);
}
