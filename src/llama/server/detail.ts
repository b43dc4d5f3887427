import * as z from "zod/mini";

/** A detail of an answer that modeld can do without: one that is missing or of another type is unknown. */
export function detail<T>(type: z.ZodMiniType<T>): z.ZodMiniType<T | undefined> {
  return z.catch(z.optional(type), undefined);
}
