import type { ModeldError } from "../base/errors.ts";
import type { Stage } from "../base/timeline.ts";
import type { ServerCommand } from "../upstream/lifecycle.ts";
import type { QueuedRequest } from "./request.ts";

/** What the state machine wants done. */
export type Command =
  /** The request has its slots. */
  | { readonly do: "start"; readonly request: QueuedRequest }
  /** The request is turned away; `refusal` says why. */
  | { readonly do: "reject"; readonly request: QueuedRequest }
  /** The request runs on a server that was lost. */
  | { readonly do: "abort"; readonly request: QueuedRequest; readonly reason: ModeldError }
  /** The request now waits for something else. */
  | { readonly do: "stage"; readonly request: QueuedRequest; readonly stage: Stage }
  /** Nothing runs any more on a server that was removed. */
  | { readonly do: "release"; readonly server: string }
  | ServerCommand;
