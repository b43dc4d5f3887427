import { assert, assertEquals } from "@std/assert";
import type { Daemon } from "../support/daemon.ts";
import { type ApiReply, APIS } from "./support/apis.ts";
import { playFleet, postsTo, untilStates } from "./support/fleet_scenario.ts";

const THREE = [{ slots: 2 }, { slots: 2 }, { slots: 2 }];

/** So many requests over each API, at once. */
function askEach({ url }: Daemon, times: number): Promise<ApiReply[]> {
  const all = APIS.flatMap((api) => Array.from({ length: times }, () => api.ask(url, api.body("Once"))));
  return Promise.all(all);
}

Deno.test("one of three servers refuses connections: all requests are served by the others, each POSTed once", async () => {
  await playFleet({ standIns: THREE, outcomes: { "ok stream": 12 } }, async ({ llamas, modeld, close }) => {
    await close(1); // modeld does not know yet
    const replies = await askEach(modeld, 6);
    for (const reply of replies) assertEquals(await reply.ending(), "done");
    assertEquals(postsTo(llamas), 12);
    const servers = new Set(replies.map(({ headers }) => headers.get("x-modeld-server")));
    assertEquals([...servers].sort(), ["server-1", "server-3"]);
  });
});

Deno.test("one of three servers says 503 loading: nothing began there, so the others serve its share at once", async () => {
  await playFleet({ standIns: THREE, outcomes: { "ok stream": 12 } }, async ({ llamas, modeld }) => {
    const [, loading] = llamas;
    if (loading !== undefined) loading.loading = true;
    const startedAt = performance.now();
    const replies = await askEach(modeld, 6);
    for (const reply of replies) assertEquals(await reply.ending(), "done");
    assert(performance.now() - startedAt < 5_000);
    const began = replies.filter(({ headers }) => headers.get("x-modeld-server") === "server-2");
    assertEquals(began.length, 0);
    if (loading !== undefined) loading.loading = false;
  });
});

Deno.test("one of three servers accepts connections and says nothing: the others go on serving, and it ends with its own", async () => {
  const modeld = ["--llama-connect-timeout=300ms"];
  await playFleet({ standIns: THREE, modeld, outcomes: 30 }, async ({ llamas, modeld, ask }) => {
    const mute = llamas[1];
    for (const route of ["GET /health", "GET /v1/models", "GET /props", "POST /v1/completions"]) {
      mute?.on(route, (exchange) => exchange.gone);
    }
    const replies = await Promise.all(Array.from({ length: 12 }, () => ask()));
    const endings = await Promise.all(replies.map(async (reply) => {
      const { done, type } = await reply.last();
      return done ? "done" : type;
    }));
    const stuck = endings.filter((ending) => ending !== "done");
    assert(stuck.length <= 2, JSON.stringify(endings)); // the slots that the mute server had
    assert(stuck.every((type) => type === "upstream_error"), JSON.stringify(endings));
    await untilStates(modeld, "ready", "lost", "ready");
    for (const reply of await Promise.all(Array.from({ length: 8 }, () => ask()))) {
      assertEquals((await reply.last()).done, true);
    }
    assertEquals(postsTo(llamas), 20);
  });
});
