/** One place in a `LinkedList`. */
export interface Link {
  /** Takes the value out of the list; does nothing where it has left already. */
  remove(): void;
}

/**
 * Values in the order in which they came; each can leave at any time, in constant time.
 *
 * For what comes and goes with every request a `Set` will not do: V8 links each table of a Set to the table that replaced
 * it. Once one of them is old, the garbage collector takes all that followed, and every request that stood in them, for
 * alive until its next full collection. Here, whoever has left points to nobody.
 */
export class LinkedList<T> {
  /** Closes the ring: it stands before the first and behind the last. */
  readonly #ends = new Place<T>();

  /** The value that has been there longest; undefined where there is none. */
  get first(): T | undefined {
    return this.#ends.next.value;
  }

  /** How many values there are; takes time with their number. */
  get size(): number {
    let size = 0;
    for (let place = this.#ends.next; place !== this.#ends; place = place.next) size++;
    return size;
  }

  /** Puts a value behind all others. */
  add(value: T): Link {
    return new Place(value, this.#ends);
  }

  /** Takes out the first value, if there is one. */
  removeFirst(): void {
    this.#ends.next.remove();
  }

  /** All values at this moment, the first one first. */
  toArray(): T[] {
    const values: T[] = [];
    for (let place = this.#ends.next; place !== this.#ends; place = place.next) values.push(place.value as T);
    return values;
  }
}

/** Links itself in before `successor`; without one it is a ring of its own. */
class Place<T> implements Link {
  readonly value: T | undefined;
  previous: Place<T> = this;
  next: Place<T> = this;

  constructor(value?: T, successor?: Place<T>) {
    this.value = value;
    if (successor === undefined) return;
    this.next = successor;
    this.previous = successor.previous;
    this.previous.next = this;
    successor.previous = this;
  }

  remove(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this;
    this.next = this;
  }
}
