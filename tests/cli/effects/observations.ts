import { assertEquals } from "@std/assert";
import { RawGguf } from "../../upstream/gguf/raw_gguf.ts";
import { replyJson } from "../../support/replies.ts";
import type { Effect, Rig } from "./rig.ts";

/** An origin other than modeld's own. */
export const origin = "https://two.example";
/** A router with two models, neither loaded. */
export const router = { models: ["a", "b"], router: {} };

/** The status and the error type of a reply to `/infer`. */
export async function outcome(rig: Rig, more?: Record<string, unknown>): Promise<readonly unknown[]> {
  const reply = await rig.infer(more);
  return [reply.status, (await reply.last()).type];
}

/** A request that holds its slot until llama-server's side is told to answer. */
async function busy(rig: Rig): Promise<() => Promise<void>> {
  const taken = rig.fake.take();
  const reply = rig.infer();
  const exchange = await taken;
  return async () => {
    await replyJson(exchange, 500, { error: { message: "enough" } });
    await (await reply).last();
  };
}

/** llama-server takes the next request and says nothing: what modeld answers. */
export async function silence(rig: Rig): Promise<unknown> {
  const taken = rig.fake.take();
  const reply = outcome(rig);
  await (await taken).gone;
  return await reply;
}

/** A request that comes while another holds its slot is answered so. */
export function refusedWhileBusy(expected: readonly unknown[]): Effect["see"] {
  return async (rig) => {
    const release = await busy(rig);
    assertEquals(await outcome(rig), expected);
    await release();
  };
}

/** A request to the daemon. */
export function get(rig: Rig, path: string, init?: RequestInit): Promise<Response> {
  return fetch(new URL(path, rig.url), init);
}

/** The status of the answer to a GET. */
export async function statusOf(rig: Rig, path: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await get(rig, path, { headers });
  await response.body?.cancel();
  return response.status;
}

/** A header of the answer to a browser's question before a POST. */
export async function preflightHeader(rig: Rig, name: string): Promise<string> {
  const headers = { Origin: origin, "Access-Control-Request-Method": "POST" };
  const response = await get(rig, "/infer", { method: "OPTIONS", headers });
  await response.body?.cancel();
  return response.headers.get(name) ?? "";
}

/** Whether a page of that origin may read what modeld answers. */
export async function allows(rig: Rig, from: string): Promise<boolean> {
  const response = await get(rig, "/healthz", { headers: { Origin: from } });
  await response.body?.cancel();
  return response.headers.has("access-control-allow-origin");
}

/** A folder of the rig's with a model file of 3 MB for each of the router's models. */
export function modelsOfThreeMb(rig: Rig): void {
  const file = RawGguf.header(1).string("general.architecture").u32(8).string("llama").zeros(3 * 2 ** 20 - 100).build();
  for (const model of router.models) Deno.writeFileSync(`${rig.folder}/${model}.gguf`, file);
}

/** The path of a file with this text, in the rig's folder. */
export function textFile(rig: Rig, text: string): string {
  const path = `${rig.folder}/file.txt`;
  Deno.writeTextFileSync(path, text);
  return path;
}
