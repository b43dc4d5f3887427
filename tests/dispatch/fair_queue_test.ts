import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ClientCounts } from "../../src/dispatch/client_counts.ts";
import type { Entry } from "../../src/dispatch/waiting_line.ts";
import { type NamedRequest, QueueRig } from "./queue_rig.ts";

Deno.test("requests of one client go in order of arrival", () => {
  const rig = new QueueRig();
  rig.add("a-1", "a-2", "a-3");
  assertEquals(rig.drain(100), ["a-1", "a-2", "a-3"]);
});

Deno.test("clients of one class take turns, by weight", () => {
  const rig = new QueueRig();
  rig.client("b", { weight: 2 });
  rig.add("a-1", "a-2", "a-3", "b-1", "b-2", "b-3", "b-4");
  assertEquals(rig.drain(100), ["a-1", "b-1", "b-2", "a-2", "b-3", "b-4", "a-3"]);
});

Deno.test("those on whose behalf one client asks take turns as well, and its limits hold for all of them", () => {
  const rig = new QueueRig();
  rig.client("gateway", { maxInflight: 2 });
  for (const name of ["gateway-1", "gateway-2", "gateway-3"]) rig.addOne(name, { sharer: "gateway\nloud" });
  rig.addOne("gateway-4", { sharer: "gateway\nquiet" });
  assertEquals(rig.order(), ["gateway-1", "gateway-4", "gateway-2"]);
  const [first, second] = [rig.start(), rig.start()];
  assertEquals(rig.start(), undefined, "two run, whoever they are for");
  rig.end(first);
  rig.end(second);
  assertEquals(rig.drain(100), ["gateway-2", "gateway-3"]);
});

Deno.test("slots that become free in one moment are shared by weight", () => {
  const rig = new QueueRig();
  rig.client("b", { weight: 3 });
  rig.add("a-1", "a-2", "a-3", "a-4", "b-1", "b-2", "b-3", "b-4");
  const started = [1, 2, 3, 4].map(() => rig.start()?.request.client.name);
  assertEquals(started.toSorted(), ["a", "b", "b", "b"]);
});

Deno.test("a long request counts while it runs", () => {
  const rig = new QueueRig();
  rig.add("a-1", "a-2", "b-1", "b-2");
  const [, short] = [rig.start(), rig.start()];
  rig.now += 1_000;
  rig.end(short);
  assertEquals(rig.order(), ["b-2", "a-2"], "a is expected to use more than it has");
  rig.start();
  rig.now += 500;
  assertEquals(rig.order(), ["a-2"]);
  rig.addOne("b-3");
  assertEquals(rig.order(), ["a-2", "b-3"], "both have used and hold as much");
  rig.now += 60_000;
  rig.addOne("c-1");
  rig.addOne("c-2");
  assertEquals(rig.order()[0], "c-1", "who comes now owes nothing of it");
});

Deno.test("who was idle gets no credit for it, and who had everything alone is not punished", () => {
  const rig = new QueueRig();
  rig.add("a-1", "a-2", "a-3", "a-4", "a-5");
  for (let i = 0; i < 3; i++) {
    const entry = rig.start();
    rig.now += 5_000;
    rig.end(entry);
  }
  rig.add("b-1", "b-2", "b-3");
  assertEquals(rig.drain(1_000), ["a-4", "b-1", "a-5", "b-2", "b-3"]);
});

Deno.test("higher classes go first, in whatever order they came", () => {
  const rig = new QueueRig();
  rig.addOne("night-1", { priority: "batch" });
  rig.addOne("work-1");
  rig.addOne("talk-1", { priority: "interactive" });
  rig.addOne("night-2", { priority: "batch" });
  rig.addOne("talk-2", { priority: "interactive" });
  assertEquals(rig.order(), ["talk-1", "talk-2", "work-1", "night-1", "night-2"]);
  assertEquals(rig.drain(1_000), ["talk-1", "talk-2", "work-1", "night-1", "night-2"]);
});

Deno.test("a request counts one class higher for each ageing period that it has waited", () => {
  const rig = new QueueRig({ ageing: 10_000 });
  rig.addOne("night-1", { priority: "batch" });
  rig.now = 9_999;
  rig.addOne("work-1");
  rig.addOne("talk-1", { priority: "interactive" });
  assertEquals(rig.order(), ["talk-1", "work-1", "night-1"]);
  rig.now = 10_000;
  assertEquals(rig.order(), ["talk-1", "work-1", "night-1"], "as default: it shares with work");
  rig.now = 19_999;
  assertEquals(rig.order()[0], "talk-1");
  const talk = rig.start();
  rig.addOne("talk-2", { priority: "interactive" });
  rig.now = 20_000;
  rig.end(talk);
  assertEquals(rig.order(), ["work-1", "night-1", "talk-2"], "as interactive: talk has had its turn");
});

Deno.test("without ageing, a class waits for as long as a higher one does", () => {
  const rig = new QueueRig({ ageing: 0 });
  rig.addOne("night-1", { priority: "batch" });
  rig.now = 3_600_000;
  rig.add("work-1", "work-2");
  assertEquals(rig.drain(1_000), ["work-1", "work-2", "night-1"]);
});

Deno.test("old requests of a lower class never put fresh ones of a higher class behind all of them", () => {
  const rig = new QueueRig({ ageing: 10_000 });
  for (let i = 1; i <= 5; i++) rig.addOne(`night-${i}`, { priority: "batch" });
  rig.now = 60_000;
  rig.add("work-1", "work-2");
  assertEquals(rig.drain(1_000).slice(0, 4).toSorted(), ["night-1", "night-2", "work-1", "work-2"]);
});

Deno.test("a class earns no credit while it waits behind a higher one", () => {
  const rig = new QueueRig({ ageing: 10_000 });
  for (let i = 1; i <= 50; i++) rig.addOne(`night-${i}`, { priority: "batch" });
  const alone = rig.start();
  rig.now = 1_000;
  rig.end(alone);
  for (let i = 1; i <= 100; i++) rig.addOne(`talk-${i}`, { priority: "interactive" });
  const went = rig.drain(1_000);
  assert(went.slice(0, 19).every((name) => name.startsWith("talk")));
  const nights = went.slice(19, 59).filter((name) => name.startsWith("night")).length;
  assertEquals(nights, 20, "from then on they share");
});

Deno.test("a class earns no credit while nothing of it is there", () => {
  const rig = new QueueRig({ ageing: 10_000 });
  rig.addOne("talk-0", { priority: "interactive" });
  rig.drain(1_000);
  for (let i = 1; i <= 200; i++) rig.addOne(`night-${i}`, { priority: "batch" });
  for (let i = 1; i <= 100; i++) {
    const entry = rig.start();
    rig.now += 1_000;
    rig.end(entry);
  }
  for (let i = 1; i <= 100; i++) rig.addOne(`talk-${i}`, { priority: "interactive" });
  const nights = rig.drain(1_000).slice(0, 40).filter((name) => name.startsWith("night")).length;
  assertEquals(nights, 20);
});

Deno.test("max_inflight holds a client's further requests back, over all models, and nobody else's", () => {
  const counts = new ClientCounts();
  const [one, other] = [new QueueRig({}, counts), new QueueRig({}, counts)];
  for (const rig of [one, other]) rig.client("a", { maxInflight: 2 });
  one.add("a-1", "a-2", "a-3", "b-1");
  other.add("a-4", "b-2");
  const first = one.start();
  assertEquals(one.order(), ["b-1", "a-2"]);
  assertEquals(other.start()?.request.name, "a-4");
  assertEquals(one.start()?.request.name, "b-1");
  assertEquals(one.start(), undefined);
  one.end(first);
  assertEquals(one.start()?.request.name, "a-2");
});

Deno.test("every waiting request can be found and taken out, those that are held back as well", () => {
  const rig = new QueueRig();
  rig.client("a", { maxInflight: 1 });
  rig.add("a-1", "a-2", "a-3", "b-1");
  rig.addOne("a-4", { priority: "batch" });
  rig.start();
  const found: string[] = [];
  for (const entry of rig.queue.waiting()) {
    found.push(entry.request.name);
    rig.queue.remove(entry, rig.now);
  }
  assertEquals(found.toSorted(), ["a-2", "a-3", "a-4", "b-1"]);
  assertEquals(rig.queue.size, 0);
});

Deno.test("a client's max_queue is over all models", () => {
  const counts = new ClientCounts();
  const [one, other] = [new QueueRig({}, counts), new QueueRig({}, counts)];
  for (const rig of [one, other]) rig.client("a", { maxQueue: 2 });
  const [first] = one.add("a-1");
  other.add("a-2");
  assertEquals(one.queue.add(one.request("a-3"), 0, 32), { full: "client" });
  one.queue.remove(first as Entry<NamedRequest>, 0);
  assert("entry" in one.queue.add(one.request("a-3"), 0, 32));
});

Deno.test("a full queue is shared: who holds less than its share takes the newest place of who holds most above it", () => {
  const rig = new QueueRig();
  rig.client("b", { weight: 3 });
  rig.add("a-1", "a-2", "a-3", "a-4", "c-1");
  const add = (name: string) => {
    const added = rig.queue.add(rig.request(name), rig.now, 5);
    return "full" in added ? added.full : added.evicted?.name;
  };
  assertEquals(add("a-5"), "queue");
  // From here on the shares are 1 of a, 3 of b, 1 of c.
  assertEquals([add("b-1"), add("b-2"), add("b-3")], ["a-4", "a-3", "a-2"]);
  assertEquals([add("a-5"), add("b-4"), add("c-2")], ["queue", "queue", "queue"], "all hold their shares");
  assertEquals(rig.queue.size, 5);
  assertEquals(rig.order().toSorted(), ["a-1", "b-1", "b-2", "b-3", "c-1"]);
});

Deno.test("where nobody may wait, nobody does", () => {
  const rig = new QueueRig();
  assertEquals(rig.queue.add(rig.request("a-1"), 0, 0), { full: "queue" });
  assertEquals(rig.counts.of("a"), { waiting: 0, running: 0 });
});

Deno.test("a request that was not begun comes back at its old place", () => {
  const rig = new QueueRig();
  rig.add("a-1", "a-2");
  const entry = rig.start() as Entry<NamedRequest>;
  rig.now = 5;
  rig.addOne("a-3");
  rig.queue.putBack(entry, rig.now);
  assertEquals(rig.order(), ["a-1", "a-2", "a-3"]);
  assertEquals(rig.counts.of("a"), { waiting: 3, running: 0 });
  assertEquals(rig.drain(100), ["a-1", "a-2", "a-3"]);
});

Deno.test("who cannot start is passed by the next in order", () => {
  const rig = new QueueRig();
  rig.add("warm-1", "cold-1");
  assertEquals(rig.start(({ name }) => !name.startsWith("warm"))?.request.name, "cold-1");
  assertEquals(rig.order(), ["warm-1"]);
});

Deno.test("a request of several slots is passed for a while, then the slots come together for it", () => {
  const rig = new QueueRig({ maxPassed: 2_000 });
  rig.addOne("whole-1", { slots: 4 });
  rig.add("a-1", "a-2", "a-3");
  const fits = (free: number) => ({ slots }: NamedRequest) => slots <= free;
  assertEquals(rig.start(fits(2))?.request.name, "a-1");
  rig.now = 1_999;
  assertEquals(rig.start(fits(2))?.request.name, "a-2");
  rig.now = 2_000;
  assertEquals(rig.start(fits(3)), undefined);
  assertEquals(rig.start(fits(4))?.request.name, "whole-1");
  assertEquals(rig.start(fits(1))?.request.name, "a-3");
});

Deno.test("the end of a request says what it has used", () => {
  const rig = new QueueRig();
  rig.addOne("a-1", { slots: 3 });
  const entry = rig.start();
  rig.now = 2_500;
  assertEquals(rig.end(entry), 7.5);
  assertEquals(rig.end(entry), 0, "once");
});

Deno.test("a position is how many are likely to go before", () => {
  const rig = new QueueRig();
  const [, , third] = rig.add("a-1", "a-2", "a-3", "b-1", "b-2", "b-3", "b-4", "b-5") as Entry<NamedRequest>[];
  assertEquals(rig.queue.position(third as Entry<NamedRequest>, 0), 5);
  rig.addOne("talk-1", { priority: "interactive" });
  rig.addOne("night-1", { priority: "batch" });
  assertEquals(rig.queue.position(third as Entry<NamedRequest>, 0), 6);
  rig.queue.remove(third as Entry<NamedRequest>, 0);
  assertEquals(rig.queue.position(third as Entry<NamedRequest>, 0), 0);
});

Deno.test("another weight of a client holds from its next request on", () => {
  const rig = new QueueRig();
  rig.add("a-1", "a-2", "b-1", "b-2");
  rig.client("b", { weight: 4 });
  rig.add("b-3", "b-4", "b-5");
  assertEquals(rig.drain(1_000), ["a-1", "b-1", "b-2", "b-3", "b-4", "a-2", "b-5"]);
});

Deno.test("whatever happens, nothing is lost, the order holds and nothing is left behind", () => {
  const action = fc.oneof(
    fc.record({
      do: fc.constant("add" as const),
      client: fc.constantFrom("a", "b", "c", "d"),
      priority: fc.constantFrom("interactive" as const, "default" as const, "batch" as const),
      slots: fc.constantFrom(1, 1, 1, 2),
      limit: fc.constantFrom(3, 10, Infinity),
    }),
    fc.record({
      do: fc.constantFrom("remove" as const, "end" as const, "start" as const, "put back" as const),
      which: fc.nat(),
    }),
    fc.record({ do: fc.constant("pass" as const), time: fc.constantFrom(0, 1, 700, 11_000) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 150 }), (actions) => {
      const rig = new QueueRig();
      rig.client("b", { weight: 0.1 });
      rig.client("c", { maxInflight: 2, maxQueue: 4 });
      const waiting = new Map<string, Entry<NamedRequest>>();
      const running: Entry<NamedRequest>[] = [];
      let name = 0;
      for (const action of actions) {
        if (action.do === "pass") rig.now += action.time;
        else if (action.do === "add") {
          const request = rig.request(`${action.client}-${name++}`, { priority: action.priority, slots: action.slots });
          const added = rig.queue.add(request, rig.now, action.limit);
          if ("full" in added) continue;
          if (added.evicted !== undefined) assert(waiting.delete(added.evicted.name));
          waiting.set(request.name, added.entry);
        } else if (action.do === "start") {
          const entry = rig.start();
          if (entry === undefined) continue;
          assert(waiting.delete(entry.request.name));
          running.push(entry);
          for (const other of waiting.values()) {
            const { client, priority } = other.request;
            const own = client === entry.request.client && priority === entry.request.priority;
            assert(!own || entry.arrivedBefore(other));
          }
        } else if (action.do === "end") {
          const [entry] = running.splice(action.which % Math.max(1, running.length), 1);
          rig.end(entry);
        } else if (action.do === "put back") {
          const [entry] = running.splice(action.which % Math.max(1, running.length), 1);
          if (entry === undefined) continue;
          rig.queue.putBack(entry, rig.now);
          waiting.set(entry.request.name, entry);
        } else {
          const entry = [...waiting.values()][action.which % Math.max(1, waiting.size)];
          if (entry === undefined) continue;
          waiting.delete(entry.request.name);
          rig.queue.remove(entry, rig.now);
        }
        assertEquals(rig.queue.size, waiting.size);
        const order = rig.order();
        assertEquals(new Set(order).size, order.length);
        assert(order.every((name) => waiting.has(name)));
        assertEquals(rig.queue.next(rig.now, () => true)?.request.name, order[0]);
        const c = running.filter(({ request }) => request.client.name === "c").length;
        assert(c <= 2 && rig.counts.of("c").running === c);
      }
      for (const entry of running) rig.end(entry);
      assertEquals(rig.drain(10).toSorted(), [...waiting.keys()].toSorted());
      for (const client of ["a", "b", "c", "d"]) assertEquals(rig.counts.of(client), { waiting: 0, running: 0 });
    }),
    { numRuns: 300 },
  );
});
