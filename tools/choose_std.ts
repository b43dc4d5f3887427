/** Where `@std` comes from: JSR, or the stand-ins in `tools/std`. */
export type StdSource = "jsr" | "local";

/** What the choice depends on. */
export interface StdCircumstances {
  /** `MODELD_STD`, if set. */
  readonly wanted: string | undefined;
  /** Whether every `@std` module is in Deno's cache already. */
  isCached(): Promise<boolean>;
  /** Whether JSR answers in time. */
  isReachable(): Promise<boolean>;
}

/**
 * Decides where `@std` comes from. What the operator wants is done without asking the network.
 *
 * @throws RangeError when `MODELD_STD` is neither `jsr` nor `local`.
 */
export async function chooseStd({ wanted, isCached, isReachable }: StdCircumstances): Promise<StdSource> {
  if (wanted === "jsr" || wanted === "local") return wanted;
  if (wanted) throw new RangeError(`MODELD_STD is "${wanted}": set it to "jsr" or "local", or leave it unset`);
  return (await isCached()) || (await isReachable()) ? "jsr" : "local";
}
