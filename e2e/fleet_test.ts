import { assert, assertEquals } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { countedByModeld, countedByServers, kill, since, states, withFleet } from "./support/fleet.ts";
import { modelFolder, testModel } from "./support/test_model.ts";

const LLAMA_ARGS = ["-t", "1", "-lv", "4", "-c", "4096", "-np", "2"];
const REQUESTS = 500;
const CLIENTS = 8;

/** How a reply ended, and where. */
interface Ending {
  /** Undefined where nothing began. */
  readonly server: string | undefined;
  readonly status: number;
  /** `done`, or the type of its error. */
  readonly how: string;
}

/** Sends requests, several at a time; `onEnded` is called with the number of those that have ended. */
async function load(
  modeld: Daemon,
  request: object,
  onEnded: (count: number) => void = () => {},
  { requests = REQUESTS, clients = CLIENTS } = {},
): Promise<Ending[]> {
  const endings: Ending[] = [];
  let sent = 0;
  await Promise.all(Array.from({ length: clients }, async () => {
    while (sent < requests) {
      sent++;
      const reply = await infer(modeld.url, { prompt: `Once upon a time ${sent}`, max_tokens: 4, ...request });
      const last = await reply.last();
      const server = reply.headers.get("x-modeld-server") ?? undefined;
      endings.push({ server, status: reply.status, how: last.done ? "done" : last.type ?? last.text });
      onEnded(endings.length);
    }
  }));
  return endings;
}

async function startFleet(count: number, args: readonly string[]): Promise<RealLlamaServer[]> {
  const llamas: RealLlamaServer[] = [];
  for (let i = 0; i < count; i++) llamas.push(await RealLlamaServer.start(args));
  return llamas;
}

Deno.test("500 requests while one of three servers is killed and started again and one is stopped: only what ran there fails", async () => {
  const model = await testModel();
  const args = [...LLAMA_ARGS, "-m", model.path, "-a", "tiny"];
  const llamas = await startFleet(3, args);
  const [, killed, stopped] = llamas;
  assert(killed !== undefined && stopped !== undefined);
  const urls = llamas.map(({ url }) => url.href).join(",");
  let again: RealLlamaServer | undefined;
  const modeld = await Daemon.start({ args: ["--llama-url", urls, "--llama-connect-timeout=500ms", "--max-wait=60s"] });
  try {
    await modeld.ready();
    await eventually("all are there", async () => (await states(modeld)).join() === "ready,ready,ready");
    const warm = llamas.map(({ loggedGenerations }) => loggedGenerations);
    const steps: Promise<unknown>[] = [];
    const endings = await load(modeld, {}, (ended) => {
      if (ended === 100) steps.push(killed.stop("SIGKILL"));
      if (ended === 200) stopped.process.signal("SIGSTOP");
      if (ended === 300) {
        steps.push((async () => again = await RealLlamaServer.start(args, { port: Number(killed.url.port) }))());
      }
    });
    await Promise.all(steps);
    const failed = endings.filter(({ how }) => how !== "done");
    assertEquals(endings.length, REQUESTS);
    // Two slots of the one that was killed, two of the one that was stopped.
    assert(failed.length <= 4, JSON.stringify(failed));
    assertEquals(failed.filter(({ how }) => !["truncated", "upstream_error"].includes(how)), []);

    stopped.process.signal("SIGCONT");
    await eventually(
      "the stopped one is used again",
      async () => (await states(modeld)).join() === "ready,ready,ready",
    );
    await eventually("their logs are complete", async () => {
      const idle = await Promise.all([llamas[0], again, stopped].map((llama) => llama?.busySlots()));
      return idle.every((busy) => busy === 0);
    });

    // What the servers themselves say they generated: nothing twice, nothing that nobody asked for.
    const generated = llamas.map(({ loggedGenerations }, index) => loggedGenerations - (warm[index] ?? 0));
    const afterwards = again?.loggedGenerations ?? 0;
    const done = (name: string) => endings.filter(({ server, how }) => server === name && how === "done").length;
    assertEquals(generated[0], done("server-1"));
    const total = generated.reduce((sum, count) => sum + count, afterwards);
    const completed = REQUESTS - failed.length;
    assert(total >= completed && total <= REQUESTS, `${total} generations for ${completed} complete answers`);
  } finally {
    await modeld.stop("SIGKILL");
    stopped.process.signal("SIGCONT");
    for (const llama of [...llamas, again]) await llama?.stop("SIGKILL");
    await model.remove();
  }
});

Deno.test("two routers are one fleet: a model is loaded where there is room, and both serve", async () => {
  const folder = await modelFolder(["a", "b"]);
  const llamas = await startFleet(2, [...LLAMA_ARGS, "--models-dir", folder.path, "--models-max", "1"]);
  const urls = llamas.map(({ url }) => url.href).join(",");
  const modeld = await Daemon.start({ args: ["--llama-url", urls, "--models-dir", folder.path] });
  try {
    await modeld.ready();
    const asked = await Promise.all(
      ["a", "b", "a", "b"].map((model) => infer(modeld.url, { prompt: "Once", max_tokens: 8, model })),
    );
    for (const reply of asked) assertEquals((await reply.last()).done, true, reply.text);
    const servers = asked.map(({ headers }) => headers.get("x-modeld-server"));
    assertEquals(new Set(servers), new Set(["server-1", "server-2"]));
    assertEquals([servers[0] === servers[2], servers[1] === servers[3]], [true, true]);
    assertEquals((await modeld.json("/status")).evictions_total, 0);
  } finally {
    await modeld.stop("SIGKILL");
    for (const llama of llamas) await llama.stop("SIGKILL");
    await folder.remove();
  }
});

/** Lets a process run only now and then. @returns what ends that */
function slowDown({ process }: RealLlamaServer): () => void {
  let turn = 0;
  const beat = setInterval(() => process.signal(++turn % 5 === 0 ? "SIGCONT" : "SIGSTOP"), 4);
  return () => {
    clearInterval(beat);
    process.signal("SIGCONT");
  };
}

Deno.test("500 requests while one of two servers is slow: none fails, each is generated once, and the slow one has the smaller share", async () => {
  const model = await testModel();
  try {
    const args = [...LLAMA_ARGS, "--metrics", "-m", model.path, "-a", "tiny"];
    await withFleet(2, args, ["--max-wait=60s"], async ({ llamas, modeld }) => {
      const [, slow] = llamas;
      assert(slow !== undefined);
      const before = { servers: await countedByServers(llamas), modeld: await countedByModeld(modeld) };
      const restore = slowDown(slow);
      let endings: Ending[];
      try {
        endings = await load(modeld, {});
      } finally {
        restore();
      }
      assertEquals([endings.length, endings.filter(({ how }) => how !== "done")], [REQUESTS, []]);
      const shares = ["server-1", "server-2"].map((name) => endings.filter(({ server }) => server === name).length);
      assert((shares[1] ?? 0) < (shares[0] ?? 0), `${shares}`);
      const byServers = since(before.servers, await countedByServers(llamas));
      assertEquals(byServers.generated, REQUESTS * 4);
      assertEquals(since(before.modeld, await countedByModeld(modeld)), byServers);
    });
  } finally {
    await model.remove();
  }
});

for (const { limit, expected } of [{ limit: 0, expected: 2 }, { limit: 1, expected: 1 }]) {
  Deno.test(`a router's model whose queue outlasts a load is loaded on ${expected} of two with --max-replicas=${limit}`, async () => {
    const folder = await modelFolder(["a"]);
    try {
      const args = ["--models-dir", folder.path, `--max-replicas=${limit}`, "--max-wait=60s", "--max-queue-depth=64"];
      await withFleet(2, [...LLAMA_ARGS, "--models-dir", folder.path], args, async ({ modeld }) => {
        const endings = await load(modeld, { max_tokens: 800 }, undefined, { requests: 30, clients: 30 });
        assertEquals(endings.filter(({ how }) => how !== "done"), []);
        assertEquals(new Set(endings.map(({ server }) => server)).size, expected);
        const { instances } = await modeld.json("/status");
        assertEquals(instances.filter(({ state }: { state: string }) => state === "ready").length, expected);
      });
    } finally {
      await folder.remove();
    }
  });
}

Deno.test("one of two routers is killed under load: only what ran there fails, and the other loads the model", async () => {
  const folder = await modelFolder(["a"]);
  try {
    const args = ["--models-dir", folder.path, "--max-replicas=1", "--max-wait=60s"];
    await withFleet(2, [...LLAMA_ARGS, "--models-dir", folder.path], args, async ({ llamas, modeld }) => {
      const [first] = await load(modeld, {}, undefined, { requests: 1 });
      const victim = llamas[first?.server === "server-1" ? 0 : 1];
      assert(victim !== undefined);
      let killed: Promise<void> | undefined;
      const endings = await load(modeld, {}, (ended) => {
        if (ended === 40) killed = kill(victim);
      }, { requests: 120 });
      await killed;
      const [done, failed] = [true, false].map((isDone) => endings.filter(({ how }) => (how === "done") === isDone));
      assert(failed !== undefined && failed.length <= 2, JSON.stringify(failed));
      assertEquals(failed.filter(({ how }) => !["truncated", "upstream_error"].includes(how)), []);
      assertEquals(new Set(done?.map(({ server }) => server)).size, 2);
    });
  } finally {
    await folder.remove();
  }
});

Deno.test("modeld check tells of every server, and is content only when all are well", async () => {
  const model = await testModel();
  const llama = await RealLlamaServer.start([...LLAMA_ARGS, "-m", model.path, "-a", "tiny"]);
  try {
    const check = async (...urls: string[]) => {
      const process = Daemon.spawn({ args: ["check", ...urls.map((url) => `--llama-url=${url}`)] });
      const { code } = await process.exited;
      return { code, output: process.stdoutLines.join("\n") };
    };
    const nobody = await RealLlamaServer.start([...LLAMA_ARGS, "-m", model.path]);
    await nobody.stop("SIGKILL");
    const found = await check(llama.url.href, nobody.url.href);
    assertEquals(found.code, 1);
    assert(/^✓ server-1 +dry run /m.test(found.output), found.output);
    assert(/^✗ server-2 +llama-server reachable /m.test(found.output), found.output);

    const byName = await check(`http+dns://localhost:${llama.url.port}`);
    assertEquals(byName.code, 0, byName.output);
  } finally {
    await llama.stop("SIGKILL");
    await model.remove();
  }
});
