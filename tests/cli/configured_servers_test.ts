import { assertEquals } from "@std/assert";
import { ConfiguredServers } from "../../src/cli/configured_servers.ts";
import type { FleetServer } from "../../src/dispatch/dispatcher.ts";
import { configure, withFile } from "../config/configure.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** The servers of a configuration, and what the fleet is told of them. */
interface Rig {
  /** `+name`, `-name` and the kind of an absence, in order; emptied by reading. */
  told(): string[];
  readonly fleet: Map<string, FleetServer>;
  /** Goes over to another `servers` list, as YAML. */
  update(servers: string): Promise<void>;
  readonly servers: ConfiguredServers;
}

/** @param servers a `servers` list as YAML, or `llama_url` and more */
async function withServers(servers: string, test: (rig: Rig) => Promise<void>, addresses = ["192.0.2.1"]) {
  const clock = new FakeClock();
  const told: string[] = [];
  const fleet = new Map<string, FleetServer>();
  const connections: FleetServer[] = [];
  const load = (text: string) =>
    withFile(
      ".yaml",
      text.startsWith("[") ? `servers: ${text}` : text,
      (path) => configure({ args: ["--config", path] }),
    );
  const configured = new ConfiguredServers(
    await load(servers),
    {
      add(server) {
        told.push(`+${server.name}`);
        connections.push(server);
        fleet.set(server.name, server);
      },
      remove(name) {
        told.push(`-${name}`);
        fleet.delete(name);
      },
      explainAbsence: ({ kind }) => void told.push(kind),
    },
    clock,
    () => Promise.resolve(addresses),
  );
  try {
    await test({
      told: () => told.splice(0),
      fleet,
      update: async (servers) => configured.update(await load(servers)),
      servers: configured,
    });
  } finally {
    configured.close();
    for (const { connection } of connections) connection.close();
    assertEquals(clock.pendingTimers, 0);
  }
}

const A = "http://127.0.0.1:1001";
const B = "http://127.0.0.1:1002";
const C = "http://127.0.0.1:1003";
const urls = ({ fleet }: Rig) => [...fleet.values()].map(({ name, url }) => `${name} ${url}`);

Deno.test("a server that comes is added and one that goes is removed, the others are left alone", () =>
  withServers(`[{name: a, url: ${A}}, {name: b, url: ${B}}]`, async (rig) => {
    assertEquals(rig.told(), ["+a", "+b"]);
    await rig.update(`[{name: b, url: ${B}}, {name: c, url: ${C}}]`);
    assertEquals(rig.told(), ["+c", "-a"]);
    await rig.update(`[{name: b, url: ${B}}, {name: c, url: ${C}}]`);
    assertEquals(rig.told(), []);
  }));

Deno.test("servers that nobody named keep their names when others go, come or change places", () =>
  withServers(`llama_url: [${A}, ${B}, ${C}]`, async (rig) => {
    rig.told();
    await rig.update(`llama_url: [${C}, ${A}]`);
    assertEquals(rig.told(), ["-server-2"]);
    assertEquals(urls(rig), [`server-1 ${A}/`, `server-3 ${C}/`]);
    await rig.update(`llama_url: [${C}, ${A}, ${B}]`);
    assertEquals(rig.told(), ["+server-2"]);
  }));

Deno.test("a name that one server had is not another's, as the first may still be drained", () =>
  withServers(`[{name: gpu, url: ${A}}]`, async (rig) => {
    rig.told();
    await rig.update(`[{name: gpu, url: ${B}}]`);
    const [added = "", ...others] = rig.told();
    assertEquals([added.slice(0, 5), added.length, others], ["+gpu-", 13, ["-gpu"]]);
    await rig.update(`[{name: gpu, url: ${A}}]`);
    assertEquals(rig.told(), ["+gpu", `-${added.slice(1)}`]);
    await rig.update(`[{name: gpu, url: ${B}}]`);
    assertEquals(rig.told(), [added, "-gpu"]);
  }));

Deno.test("another budget holds for a server at once, without its going", () =>
  withServers(`[{name: a, url: ${A}, vram_budget_mb: 5}]`, async (rig) => {
    rig.told();
    const terms = rig.fleet.get("a")?.terms;
    assertEquals(terms?.().vramBudgetMb, 5);
    await rig.update(`[{name: a, url: ${A}, vram_budget_mb: 7, vram_margin_mb: 1}]`);
    assertEquals([terms?.().vramBudgetMb, terms?.().vramMarginMb, rig.told()], [7, 1, []]);
    // It may be drained, and come back meanwhile.
    await rig.update(`[{name: b, url: ${B}}]`);
    assertEquals(terms?.().vramBudgetMb, 7);
    await rig.update(`[{name: a, url: ${A}, vram_budget_mb: 9}]`);
    assertEquals(terms?.().vramBudgetMb, 9);
  }));

Deno.test("the servers of a DNS name come and go with it", () =>
  withServers(`[{name: a, url: ${A}}]`, async (rig) => {
    rig.servers.follow();
    rig.told();
    await rig.update(`[{name: a, url: ${A}}, {name: pool, url: "http+dns://llama.test:1001"}]`);
    await new Promise((resolve) => setTimeout(resolve));
    const [absence, ...found] = rig.told();
    assertEquals(absence, "unreachable");
    assertEquals(found.map((name) => name.slice(0, 6)), ["+pool-", "+pool-"]);
    await rig.update(`[{name: a, url: ${A}}]`);
    assertEquals(rig.told(), found.map((name) => name.replace("+", "-")));
  }, ["192.0.2.1", "192.0.2.2"]));
