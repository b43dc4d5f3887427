import type { Client, Priority } from "./client.ts";
import type { Timeline } from "./timeline.ts";

/** What goes down with a request, from its arrival to llama-server. */
export interface RequestContext {
  /** The client's `X-Request-Id`, or one that modeld made. */
  readonly id: string;
  /** Aborts when the client left, a deadline passed or modeld stops; the reason is always a ModeldError. */
  readonly signal: AbortSignal;
  readonly timeline: Timeline;
  /** Who asks. */
  readonly client: Client;
  /** The class that the request was given, at most the client's. */
  readonly priority: Priority;
  /** Whom among the client's own users it is for, where a gateway says so: they share fairly as well. */
  readonly fairnessId?: string | undefined;
}
