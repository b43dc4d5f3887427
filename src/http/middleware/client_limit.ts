import { ModeldError } from "../../base/errors.ts";

/** How many inferences one client may have at once; 0 is no limit. */
export class ClientLimit {
  readonly #limit: () => number;
  readonly #running = new Map<string, number>();

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /**
   * Counts one more for `client`.
   *
   * @returns takes it off again; to be called once
   * @throws ModeldError `client_limit`
   */
  enter(client: string): () => void {
    const limit = this.#limit();
    const running = this.#running.get(client) ?? 0;
    if (limit > 0 && running >= limit) {
      const message = `${running} of your inferences run, the limit (--max-inflight-per-client); wait for one to end`;
      throw new ModeldError("client_limit", message, { retryAfterSeconds: 1 });
    }
    this.#running.set(client, running + 1);
    return () => this.#leave(client);
  }

  #leave(client: string): void {
    const running = (this.#running.get(client) ?? 0) - 1;
    if (running > 0) this.#running.set(client, running);
    else this.#running.delete(client);
  }
}
