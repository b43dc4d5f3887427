import { assert, assertEquals, assertMatch } from "@std/assert";
import { Discovery, resolveBySystem } from "../../src/upstream/discovery.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A discovery whose name answers as the test says. */
class DiscoveryRig {
  readonly clock = new FakeClock();
  /** Addresses by the names of their servers. */
  readonly servers = new Map<string, string>();
  answer: readonly string[] | Error = [];
  asked = 0;
  readonly discovery = new Discovery({
    name: "llama",
    host: "llama.internal",
    resolve: (host) => {
      assertEquals(host, "llama.internal");
      this.asked++;
      return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
    },
    clock: this.clock,
    onAdd: (server, address) => this.servers.set(server, address),
    onRemove: (server) => this.servers.delete(server),
  });

  /** Lets the name answer so from now on, and asks. */
  async answers(...answer: readonly string[]): Promise<readonly string[]> {
    this.answer = answer;
    await this.discovery.ask();
    return this.addresses;
  }

  get addresses(): readonly string[] {
    return [...this.servers.values()].sort();
  }
}

Deno.test("every address of a name is a server, called after the name and its address for good", async () => {
  const rig = new DiscoveryRig();
  assertEquals(await rig.answers("10.0.0.1", "10.0.0.2", "10.0.0.1"), ["10.0.0.1", "10.0.0.2"]);
  const names = [...rig.servers.keys()];
  for (const name of names) assertMatch(name, /^llama-[0-9a-f]{8}$/);
  await rig.answers("10.0.0.9");
  await rig.answers("10.0.0.2", "10.0.0.1");
  assertEquals([...rig.servers.keys()].sort(), names.sort());
});

Deno.test("a server that the name no longer has is removed, the others stay", async () => {
  const rig = new DiscoveryRig();
  await rig.answers("10.0.0.1", "10.0.0.2");
  const stays = [...rig.servers].find(([, address]) => address === "10.0.0.2");
  assertEquals(await rig.answers("10.0.0.2", "10.0.0.3"), ["10.0.0.2", "10.0.0.3"]);
  assert(stays !== undefined && rig.servers.get(stays[0]) === "10.0.0.2");
});

Deno.test("an answer that fails or is empty changes nothing: the last good one holds", async () => {
  const rig = new DiscoveryRig();
  await rig.answers("10.0.0.1");
  assertEquals(await rig.answers(), ["10.0.0.1"]);
  assertEquals(rig.discovery.failure, "no address");
  rig.answer = new Error("getaddrinfo EAI_AGAIN llama.internal");
  await rig.discovery.ask();
  assertEquals([rig.addresses, rig.discovery.failure], [["10.0.0.1"], "getaddrinfo EAI_AGAIN llama.internal"]);
  assertEquals(await rig.answers("10.0.0.2"), ["10.0.0.2"]);
  assertEquals(rig.discovery.failure, undefined);
});

Deno.test("of thousands of addresses 256 are used, and those that are used stay", async () => {
  const rig = new DiscoveryRig();
  const thousands = Array.from({ length: 3_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  await rig.answers("10.0.9.9");
  const used = await rig.answers(...thousands);
  assertEquals([used.length, used.includes("10.0.9.9")], [256, true]);
  assertEquals(await rig.answers(...thousands.toReversed()), used);
});

Deno.test("a machine with addresses of both families is one server; IPv6 alone is used too", async () => {
  const rig = new DiscoveryRig();
  assertEquals(await rig.answers("fd00::1", "10.0.0.1"), ["10.0.0.1"]);
  assertEquals(await rig.answers("fd00::1"), ["fd00::1"]);
});

Deno.test("the name is asked for again every 5 s, never twice at once, until it is closed", async () => {
  const rig = new DiscoveryRig();
  rig.answer = ["10.0.0.1"];
  await rig.discovery.ask();
  rig.discovery.start();
  await rig.clock.tick(4_999);
  assertEquals(rig.asked, 1);
  await rig.clock.tick(1);
  assertEquals(rig.asked, 2);
  await rig.clock.tick(5_000);
  assertEquals(rig.asked, 3);
  rig.discovery.close();
  assertEquals(rig.clock.pendingTimers, 0);
});

Deno.test("an answer that comes after the close is ignored", async () => {
  const rig = new DiscoveryRig();
  rig.answer = ["10.0.0.1"];
  const asked = rig.discovery.ask();
  rig.discovery.close();
  await asked;
  assertEquals(rig.addresses, []);
});

Deno.test("the system's resolver knows names of the hosts file, and rejects with a reason where a name is unknown", async () => {
  assert((await resolveBySystem("localhost")).includes("127.0.0.1"));
  const reason = await resolveBySystem("modeld.invalid").then(() => "found", (error) => String(error));
  assertMatch(reason, /ENOTFOUND|EAI_AGAIN/);
});
