import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { chooseStd, type StdCircumstances, whyUnreachable } from "../../tools/choose_std.ts";

function circumstances(known: { wanted?: string; cached?: boolean; unreachable?: string }, asked: string[] = []) {
  return {
    wanted: known.wanted,
    isCached: () => {
      asked.push("cache");
      return Promise.resolve(known.cached ?? false);
    },
    unreachable: () => {
      asked.push("network");
      return Promise.resolve(known.unreachable);
    },
  } satisfies StdCircumstances;
}

Deno.test("MODELD_STD decides without a look at cache or network", async () => {
  const asked: string[] = [];
  assertEquals(await chooseStd(circumstances({ wanted: "local", cached: true }, asked)), { source: "local" });
  assertEquals(await chooseStd(circumstances({ wanted: "jsr", unreachable: "no" }, asked)), { source: "jsr" });
  assertEquals(asked, []);
});

Deno.test("a MODELD_STD that is neither jsr nor local is refused by its value", async () => {
  await assertRejects(() => chooseStd(circumstances({ wanted: "npm" })), RangeError, 'MODELD_STD is "npm"');
});

Deno.test("an empty MODELD_STD counts as unset", async () => {
  assertEquals(await chooseStd(circumstances({ wanted: "" })), { source: "jsr" });
});

Deno.test("what is cached is used without asking the network", async () => {
  const asked: string[] = [];
  assertEquals(await chooseStd(circumstances({ cached: true, unreachable: "no" }, asked)), { source: "jsr" });
  assertEquals(asked, ["cache"]);
});

Deno.test("the stand-ins are used when JSR cannot be reached, with one line that says why", async () => {
  const { source, note } = await chooseStd(circumstances({ unreachable: "it is night" }));
  assertEquals(source, "local");
  assertMatch(note ?? "", /^it is night: using the stand-ins.*MODELD_STD.*$/);
});

Deno.test("JSR is used when it answers", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("{}"));
  assertEquals(await whyUnreachable(`http://127.0.0.1:${server.addr.port}/`, 2_000), undefined);
});

for (const status of [403, 302, 511]) {
  Deno.test(`JSR is not used when a proxy answers ${status} in its place`, async () => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response("log in first", { status, headers: { location: "http://portal.invalid/" } }),
    );
    const page = `http://127.0.0.1:${server.addr.port}/`;
    assertEquals(await whyUnreachable(page, 2_000), `${page} answers ${status}`);
  });
}

Deno.test("JSR is not used when nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const page = `http://127.0.0.1:${listener.addr.port}/`;
  listener.close();
  assertEquals(await whyUnreachable(page, 2_000), `${page} cannot be reached`);
});

Deno.test("JSR is not used when it is silent past the deadline", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const page = `http://127.0.0.1:${listener.addr.port}/`;
  const begin = performance.now();
  assertEquals(await whyUnreachable(page, 50), `${page} does not answer in 50 ms`);
  assert(performance.now() - begin < 1_000);
});
