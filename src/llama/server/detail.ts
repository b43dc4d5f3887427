import * as z from "zod";

/** A detail of an answer that modeld can do without: one that is missing or of another type is unknown. */
export function detail<T>(type: z.ZodType<T>): z.ZodType<T | undefined> {
  return type.optional().catch(undefined);
}
