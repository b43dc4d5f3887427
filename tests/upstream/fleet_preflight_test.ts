import { assertEquals, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { type FleetCheckResult, type FleetPreflight, runFleetPreflight } from "../../src/upstream/fleet_preflight.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeLlamaServer } from "../support/fake_llama_server.ts";

/** What is NOT OK, by server, and what came of it all. */
async function checked(
  servers: readonly (FakeLlamaServer | ModeldError)[],
  defaultModel?: string,
): Promise<FleetPreflight & { readonly wrong: readonly string[]; readonly told: readonly FleetCheckResult[] }> {
  const told: FleetCheckResult[] = [];
  for (const server of servers) {
    // Its dry run ends at once.
    if (server instanceof FakeLlamaServer) server.completeAtOnce = true;
  }
  const result = await runFleetPreflight({
    servers: servers.map((server, index) => ({ name: `s${index + 1}`, server, vramBudgetMb: 0 })),
    ...(defaultModel !== undefined && { defaultModel }),
    wait: 0,
    clock: new FakeClock(),
    onResult: (one) => told.push(one),
  }, new AbortController().signal);
  const wrong = told.filter(({ status }) => status === "NOT OK").map(({ server, name }) => `${server}: ${name}`);
  return { ...result, wrong, told };
}

function lost(): FakeLlamaServer {
  const server = new FakeLlamaServer("a");
  server.down = new ModeldError("unreachable", "refused");
  return server;
}

Deno.test("every server is checked, and each result says which it is about", async () => {
  const { isWell, canServe, told } = await checked([new FakeLlamaServer("a"), new FakeLlamaServer("a")]);
  assertEquals([isWell, canServe, told.length], [true, true, 12]);
  assertEquals(new Set(told.map(({ server }) => server)), new Set(["s1", "s2"]));
});

Deno.test("a single server's results name no server", async () => {
  const { isWell, told } = await checked([new FakeLlamaServer("a")]);
  assertEquals([isWell, told.some(({ server }) => server !== undefined)], [true, false]);
});

Deno.test("one server that passes is enough to serve; all is not well until every one does", async () => {
  const { isWell, canServe, failed, wrong } = await checked([lost(), new FakeLlamaServer("a")]);
  assertEquals([isWell, canServe, failed, wrong], [false, true, ["s1"], ["s1: llama-server reachable"]]);
});

Deno.test("where every server fails, the fleet cannot serve", async () => {
  const { canServe, failed } = await checked([lost(), lost()]);
  assertEquals([canServe, failed], [false, ["s1", "s2"]]);
});

Deno.test("the default model may be on any server, but must be on one", async () => {
  const two = [new FakeLlamaServer("a"), new FakeLlamaServer("b")];
  assertEquals((await checked(two, "b")).isWell, true);
  const { canServe, told } = await checked([new FakeLlamaServer("a"), new FakeLlamaServer("b")], "c");
  assertEquals(canServe, false);
  assertStringIncludes(told.at(-1)?.detail ?? "", 'no server has "c"');
});

Deno.test("a name without an address fails with the reason and what to do", async () => {
  const { wrong, told } = await checked([new ModeldError("unreachable", "no address is known for llama")]);
  assertEquals(wrong, ["undefined: llama-server configured"]);
  assertEquals(told[0]?.detail, "no address is known for llama");
});
