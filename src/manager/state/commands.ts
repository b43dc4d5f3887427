import type { Stage } from "../../base/timeline.ts";
import type { LifecycleChange } from "../lifecycle_events.ts";
import type { Ticket } from "./ticket.ts";

/** What the state machine wants done. */
export type Command =
  /** The request has its slot. */
  | { readonly do: "start"; readonly ticket: Ticket }
  /** The request is turned away; the ticket says why. */
  | { readonly do: "reject"; readonly ticket: Ticket }
  /** The request now waits for something else. */
  | { readonly do: "stage"; readonly ticket: Ticket; readonly stage: Stage }
  /** To be answered with `accepted` or `refused`. */
  | { readonly do: "load" | "unload"; readonly model: string }
  /** To be answered with `capacity`. */
  | { readonly do: "ask_capacity"; readonly model: string }
  /** Ask the server at once how it is. */
  | { readonly do: "look" }
  /** What the server was is no longer known. */
  | { readonly do: "forget" }
  | { readonly do: "tell"; readonly change: LifecycleChange }
  | { readonly do: "warn"; readonly message: string; readonly model: string };
