/** Where `@std` comes from: JSR, or the stand-ins in `tools/std`. */
export interface StdChoice {
  readonly source: "jsr" | "local";
  /** What to tell the user, in one line; only where the stand-ins are used without having been asked for. */
  readonly note?: string;
}

/** What the choice depends on; asked in this order, and only as far as needed. */
export interface StdCircumstances {
  /** `MODELD_STD`, if set. */
  readonly wanted: string | undefined;
  /** Whether every `@std` module that modeld imports is in Deno's cache already. */
  isCached(): Promise<boolean>;
  /** Why JSR cannot be used; `undefined` when it can. */
  unreachable(): Promise<string | undefined>;
}

/**
 * Decides where `@std` comes from.
 *
 * @throws RangeError, with a message for the user, when `MODELD_STD` is neither `jsr` nor `local`.
 */
export async function chooseStd({ wanted, isCached, unreachable }: StdCircumstances): Promise<StdChoice> {
  if (wanted === "jsr" || wanted === "local") return { source: wanted };
  if (wanted) throw new RangeError(`MODELD_STD is "${wanted}": set it to "jsr" or "local", or leave it unset`);
  if (await isCached()) return { source: "jsr" };
  const reason = await unreachable();
  if (reason === undefined) return { source: "jsr" };
  return {
    source: "local",
    note: `${reason}: using the stand-ins in tools/std for @std (MODELD_STD=local spares the question)`,
  };
}

/** Asks for a small page of JSR and says why it cannot be had within `deadline` ms; `undefined` when it can. */
export async function whyUnreachable(page: string, deadline: number): Promise<string | undefined> {
  try {
    // A redirect is how a network says that it wants something first.
    const answer = await fetch(page, { signal: AbortSignal.timeout(deadline), redirect: "manual" });
    await answer.body?.cancel();
    return answer.ok ? undefined : `${page} answers ${answer.status}`;
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      return `${page} does not answer in ${deadline} ms`;
    }
    if (error instanceof TypeError) return `${page} cannot be reached`;
    throw error;
  }
}
