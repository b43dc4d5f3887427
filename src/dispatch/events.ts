import type { ModeldError } from "../base/errors.ts";
import type { ServerEvent } from "../upstream/lifecycle.ts";
import type { Server } from "../upstream/server.ts";
import type { AnswerTimings } from "./estimates.ts";
import type { QueuedRequest } from "./request.ts";

/** How a request that held slots ended. */
export type RequestEnding =
  | { readonly kind: "completed"; readonly timings?: AnswerTimings | undefined }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly error: ModeldError };

/** What happens to the state machine. */
export type Event =
  | { readonly is: "arrive"; readonly request: QueuedRequest }
  /** Its client left, or its deadline passed, while it waited. */
  | { readonly is: "leave"; readonly request: QueuedRequest }
  /** Its server has accepted it. */
  | { readonly is: "accepted"; readonly request: QueuedRequest }
  /** Its first token is here: its prompt has been computed. */
  | { readonly is: "first_token"; readonly request: QueuedRequest }
  /** It gives its slots back. */
  | { readonly is: "finish"; readonly request: QueuedRequest; readonly ending: RequestEnding }
  /** Its server did not begin it, and the error proves that: it gives its slots back and may be served elsewhere or later. */
  | { readonly is: "not_begun"; readonly request: QueuedRequest; readonly error: ModeldError }
  | { readonly is: "server"; readonly server: string; readonly event: ServerEvent }
  /** A server of the same id that was being removed stays, as it is. */
  | { readonly is: "add_server"; readonly server: Server }
  /** It gets nothing new, and is forgotten when nothing runs on it any more. */
  | { readonly is: "remove_server"; readonly server: string }
  /** Why there is no server, for as long as there is none. */
  | { readonly is: "explain_absence"; readonly error: ModeldError }
  /** A deadline may have passed. */
  | { readonly is: "tick" }
  | { readonly is: "open" | "drain" | "close" };
