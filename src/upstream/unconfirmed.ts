import type { Instance } from "./instance.ts";
import type { Server } from "./server.ts";

/** How long slots whose end nobody has seen are kept free at most, in ms. */
const LONGEST_DOUBT = 10_000;

/**
 * A request for a whole answer was given up. llama-server 11669 notices that only when its queue is empty, and generates on
 * meanwhile: its slots are not leased again until the server shows that they are idle, or the time is over.
 */
export function doubtSlots(instance: Instance, slots: number, now: number): void {
  instance.unconfirmed += slots;
  instance.unconfirmedUntil = now + LONGEST_DOUBT;
  askBusySlots(instance);
}

/** The server has said how many slots of a model are busy; undefined where it could not say. */
export function takeBusySlots(server: Server, model: string, busy: number | undefined): void {
  const instance = server.instances.get(model);
  if (instance === undefined) return;
  instance.askingBusy = false;
  if (instance.unconfirmed === 0) return;
  // Leases taken or given back since the question may be in the answer or not.
  if (busy !== undefined && busy <= Math.min(instance.leased, instance.leasedWhenAsked)) {
    trustSlots(instance);
  } else {
    askBusySlots(instance);
  }
}

/** Ends the doubts whose time is over. */
export function expireDoubts(server: Server, now: number): void {
  for (const instance of server.instances.values()) if (now >= instance.unconfirmedUntil) trustSlots(instance);
}

/** When the time of some doubt is over, in the clock's ms; Infinity where there is none. */
export function nextDoubtDeadline(server: Server): number {
  let next = Infinity;
  for (const { unconfirmedUntil } of server.instances.values()) next = Math.min(next, unconfirmedUntil);
  return next;
}

/** Forgets what was in doubt: the slots are idle, or gone with the model. */
export function trustSlots(instance: Instance): void {
  instance.unconfirmed = 0;
  instance.unconfirmedUntil = Infinity;
}

function askBusySlots(instance: Instance): void {
  if (instance.askingBusy) return;
  instance.askingBusy = true;
  instance.leasedWhenAsked = instance.leased;
  instance.server.order("ask_busy", instance.id);
}
