/**
 * What one competitor for the slots of a model has had of them: a client within its class, or a class among the others.
 * Its virtual time is in slot-milliseconds by weight and advances while its requests run.
 */
export class VirtualTime {
  /** Slot-milliseconds used ÷ weight, up to the last `charge`. */
  used = 0;
  weight = 0;
  /** Slots that it holds. */
  slots = 0;
  #chargedUntil = 0;

  /** Counts what its slots have cost since the last time. To be called before `weight` or `slots` changes. */
  charge(now: number): void {
    if (this.slots > 0) this.used += this.slots * (now - this.#chargedUntil) / this.weight;
    this.#chargedUntil = now;
  }

  /**
   * Where it stands in the order, the least first: what it has used, and what its running requests are expected to use
   * yet. Without that, all slots that become free in one moment would go to the same client.
   */
  rank(expectedRest: number): number {
    return this.used + this.advance(this.slots, expectedRest);
  }

  /** By how much `slots` more would raise its rank. */
  advance(slots: number, expectedRest: number): number {
    return slots * expectedRest / this.weight;
  }
}
