import { assertEquals } from "@std/assert";
import { LinkedList } from "../../src/base/list.ts";

Deno.test("values stand in the order in which they came, whoever leaves in between", () => {
  const list = new LinkedList<string>();
  const [a, b, c] = ["a", "b", "c"].map((value) => list.add(value));
  assertEquals(list.toArray(), ["a", "b", "c"]);
  b?.remove();
  assertEquals(list.toArray(), ["a", "c"]);
  list.add("d");
  a?.remove();
  assertEquals([list.first, list.toArray()], ["c", ["c", "d"]]);
  c?.remove();
  list.removeFirst();
  assertEquals([list.first, list.toArray()], [undefined, []]);
});

Deno.test("leaving twice takes nobody else along", () => {
  const list = new LinkedList<string>();
  const a = list.add("a");
  list.add("b");
  a.remove();
  a.remove();
  assertEquals(list.toArray(), ["b"]);
});

Deno.test("an empty list has no first value to remove", () => {
  const list = new LinkedList<string>();
  list.removeFirst();
  list.add("a");
  assertEquals(list.toArray(), ["a"]);
});

Deno.test("who leaves while the values are gone through disturbs nobody", () => {
  const list = new LinkedList<string>();
  const links = ["a", "b", "c"].map((value) => list.add(value));
  const seen: string[] = [];
  for (const value of list.toArray()) {
    seen.push(value);
    for (const link of links) link.remove();
  }
  assertEquals(seen, ["a", "b", "c"]);
});
