import type { Source } from "./source.ts";

/** Values and sources as they are gathered. */
export interface Draft {
  readonly values: Record<string, unknown>;
  readonly sources: Record<string, Source>;
  readonly problems: string[];
}
