/**
 * One AbortSignal for one piece of work that several causes can abort; the first one gives the reason. Whoever made the
 * scope releases it when the work has ended, and nothing stays behind on the sources. (`AbortSignal.any` has no such
 * release, and its signal may be collected while listeners wait for it, seen in the executable of Deno 2.6.10.)
 */
export class AbortScope {
  readonly #controller = new AbortController();
  readonly #sources: { readonly signal: AbortSignal; readonly listener: () => void }[] = [];

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts this scope when `source` aborts, with the source's reason or the one that `reason` makes. */
  follow(source: AbortSignal, reason: () => unknown = () => source.reason): void {
    if (source.aborted) return this.abort(reason());
    const listener = () => this.abort(reason());
    source.addEventListener("abort", listener);
    this.#sources.push({ signal: source, listener });
  }

  /** Aborts the work. Only the first call counts. */
  abort(reason: unknown): void {
    if (!this.signal.aborted) this.#controller.abort(reason);
    this.release();
  }

  /** Lets go of all sources. */
  release(): void {
    for (const { signal, listener } of this.#sources.splice(0)) signal.removeEventListener("abort", listener);
  }
}

/** Waits for the work, or for the signal, whichever comes first; then rejects with the signal's reason. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
