import type { InferReply } from "./ndjson_client.ts";

/** Requests to `/infer` that are all sent at once. */
export class Load {
  /** How many have ended, well or not. */
  ended = 0;
  /** Where they were served. */
  readonly servers = new Set<string>();
  readonly #left = new AbortController();
  readonly #replies: readonly Promise<string>[];

  /** @param send sends one; it is given up when the signal aborts */
  constructor(count: number, send: (signal: AbortSignal) => Promise<InferReply>) {
    this.#replies = Array.from({ length: count }, () => this.#one(send));
  }

  /** How they ended, and how many so: `200 done`, or the status and the type of the error. */
  async outcomes(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const outcome of await Promise.all(this.#replies)) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return counts;
  }

  /** Gives those up that have not ended. */
  async leave(): Promise<void> {
    this.#left.abort();
    await Promise.all(this.#replies);
  }

  async #one(send: (signal: AbortSignal) => Promise<InferReply>): Promise<string> {
    const { signal } = this.#left;
    try {
      const reply = await send(signal);
      const { done, type } = await reply.last();
      this.servers.add(reply.headers.get("x-modeld-server") ?? "none");
      return `${reply.status} ${done === true ? "done" : type}`;
    } catch (error) {
      if (signal.aborted) return "left";
      return String(error);
    } finally {
      this.ended++;
    }
  }
}
