import type { ModeldError } from "../../base/errors.ts";
import type { ServerDescription } from "../../llama/adapter.ts";
import type { KnownModel } from "../registry/known_model.ts";
import type { Ticket } from "./ticket.ts";

/** What a look at the server found. */
export interface Sighting {
  /** When the question was sent: what was commanded after that is not in the answer. */
  readonly askedAt: number;
  readonly description: ServerDescription;
  /** A router is `ready` as soon as it answers. */
  readonly health: "ready" | "loading";
  /** `undefined` where the server has no list. */
  readonly models: readonly KnownModel[] | undefined;
}

/** How a request that held a slot ended. */
export type Ending =
  | { readonly kind: "completed" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly error: ModeldError };

/** What happens to the state machine. */
export type Event =
  | { readonly is: "arrive"; readonly ticket: Ticket }
  /** Its client left, or its deadline passed, while it waited. */
  | { readonly is: "leave"; readonly ticket: Ticket }
  /** It gives its slot back. */
  | { readonly is: "finish"; readonly ticket: Ticket; readonly ending: Ending }
  /** llama-server said `loading`, so it was not begun: it gives its slot back and waits again. */
  | { readonly is: "postponed"; readonly ticket: Ticket }
  | { readonly is: "seen"; readonly sighting: Sighting }
  /** The server answers nothing but that it is loading. */
  | { readonly is: "warming"; readonly askedAt: number }
  | { readonly is: "lost"; readonly error: ModeldError }
  /** The server accepted a load or unload. */
  | { readonly is: "accepted"; readonly model: string }
  | { readonly is: "refused"; readonly model: string; readonly error: ModeldError }
  | { readonly is: "capacity"; readonly model: string; readonly slots: number | undefined }
  /** A deadline may have passed. */
  | { readonly is: "tick" }
  | { readonly is: "open" | "drain" | "close" };
