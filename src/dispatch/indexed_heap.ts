/** Where a value stands in a heap. Whoever adds the value keeps it, to move or remove the value later. */
export class HeapNode<T> {
  readonly value: T;
  /** Place in the heap's array; -1 while it is in no heap. */
  index = -1;

  constructor(value: T) {
    this.value = value;
  }
}

/**
 * A binary heap whose values can be moved and removed in O(log n) wherever they stand. When what a value is ordered by
 * has changed, `move` must be called before the same happens to another value.
 */
export class IndexedHeap<T> {
  readonly #nodes: HeapNode<T>[] = [];
  readonly #before: (one: T, other: T) => boolean;

  /** @param before whether `one` goes before `other` */
  constructor(before: (one: T, other: T) => boolean) {
    this.#before = before;
  }

  /** The value that goes before all others; undefined where there is none. */
  get first(): T | undefined {
    return this.#nodes[0]?.value;
  }

  add(node: HeapNode<T>): void {
    node.index = this.#nodes.push(node) - 1;
    this.move(node);
  }

  /** Takes a value out; does nothing where it is out already. */
  remove(node: HeapNode<T>): void {
    if (node.index < 0) return;
    const last = this.#nodes.pop();
    if (last !== undefined && last !== node) {
      this.#put(last, node.index);
      this.move(last);
    }
    node.index = -1;
  }

  /** Takes out the first value. */
  removeFirst(): T | undefined {
    const node = this.#nodes[0];
    if (node !== undefined) this.remove(node);
    return node?.value;
  }

  /** Puts a value where it belongs after what it is ordered by has changed. */
  move(node: HeapNode<T>): void {
    this.#sink(node, this.#rise(node));
  }

  /** All values, in no order. */
  *values(): Generator<T, void, undefined> {
    for (const node of this.#nodes) yield node.value;
  }

  /**
   * The values in their order, each found when it is asked for: the first k cost O(k log k), however many there are. The
   * heap must not change meanwhile.
   */
  *inOrder(): Generator<T, void, undefined> {
    const root = this.#nodes[0];
    if (root === undefined) return;
    yield root.value;
    const frontier = new IndexedHeap<HeapNode<T>>((one, other) => this.#before(one.value, other.value));
    for (let node: HeapNode<T> | undefined = root; node !== undefined; node = frontier.removeFirst()) {
      if (node !== root) yield node.value;
      for (const child of [2 * node.index + 1, 2 * node.index + 2]) {
        const next = this.#nodes[child];
        if (next !== undefined) frontier.add(new HeapNode(next));
      }
    }
  }

  #put(node: HeapNode<T>, index: number): void {
    this.#nodes[index] = node;
    node.index = index;
  }

  /** @returns where it stands now */
  #rise(node: HeapNode<T>): number {
    let index = node.index;
    while (index > 0) {
      const parent = this.#nodes[(index - 1) >> 1];
      if (parent === undefined || !this.#before(node.value, parent.value)) break;
      const free = parent.index;
      this.#put(parent, index);
      index = free;
    }
    this.#put(node, index);
    return index;
  }

  #sink(node: HeapNode<T>, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#nodes[2 * index + 1];
      const right = this.#nodes[2 * index + 2];
      if (left === undefined) break;
      const child = right !== undefined && this.#before(right.value, left.value) ? right : left;
      if (!this.#before(child.value, node.value)) break;
      const free = child.index;
      this.#put(child, index);
      index = free;
    }
    this.#put(node, index);
  }
}
