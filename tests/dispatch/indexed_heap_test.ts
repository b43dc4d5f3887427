import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { HeapNode, IndexedHeap } from "../../src/dispatch/indexed_heap.ts";

interface Item {
  key: number;
}

Deno.test("a heap gives its values in order, whatever was added, moved and removed before", () => {
  const action = fc.record({
    do: fc.constantFrom("add", "add", "remove", "move", "first"),
    key: fc.integer(),
    which: fc.nat(),
  });
  fc.assert(fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
    const heap = new IndexedHeap<Item>((one, other) => one.key < other.key);
    const nodes: HeapNode<Item>[] = [];
    for (const { do: what, key, which } of actions) {
      const index = which % Math.max(1, nodes.length);
      const node = nodes[index];
      if (what === "add") {
        const added = new HeapNode({ key });
        nodes.push(added);
        heap.add(added);
      } else if (node === undefined) {
        assertEquals(heap.removeFirst(), undefined);
      } else if (what === "move") {
        node.value.key = key;
        heap.move(node);
      } else if (what === "remove") {
        heap.remove(node);
        heap.remove(node);
        nodes.splice(index, 1);
      } else {
        const first = heap.removeFirst();
        nodes.splice(nodes.findIndex(({ value }) => value === first), 1);
      }
      const sorted = nodes.map(({ value }) => value.key).toSorted((one, other) => one - other);
      assertEquals([...heap.inOrder()].map(({ key }) => key), sorted);
      assertEquals(heap.first?.key, sorted[0]);
      assert(nodes.every(({ index }) => index >= 0));
    }
  }));
});
