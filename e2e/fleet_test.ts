import { assert, assertEquals } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { findLlamaServer, freePort, RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { SpawnedProcess } from "../tests/support/spawned_process.ts";
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
async function load(modeld: Daemon, request: object, onEnded: (count: number) => void): Promise<Ending[]> {
  const endings: Ending[] = [];
  let sent = 0;
  await Promise.all(Array.from({ length: CLIENTS }, async () => {
    while (sent < REQUESTS) {
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

async function states(modeld: Daemon): Promise<string> {
  const { servers } = await modeld.json("/status");
  return servers.map(({ state }: { state: string }) => state).join();
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
    await eventually("all are there", async () => await states(modeld) === "ready,ready,ready");
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
    await eventually("the stopped one is used again", async () => await states(modeld) === "ready,ready,ready");
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
    assert(found.output.includes("server-1: dry run: OK"), found.output);
    assert(found.output.includes("server-2: llama-server reachable: NOT OK"), found.output);

    const byName = await check(`http+dns://localhost:${llama.url.port}`);
    assertEquals(byName.code, 0, byName.output);
  } finally {
    await llama.stop("SIGKILL");
    await model.remove();
  }
});

Deno.test("servers come and go with the addresses of a name; what runs on one that goes is left in peace", async () => {
  const model = await testModel();
  const folder = await Deno.makeTempDir();
  const hosts = `${folder}/hosts`;
  const setAddresses = (...addresses: string[]) =>
    Deno.writeTextFile(hosts, addresses.map((address) => `${address} llama.test\n`).join(""));
  await setAddresses("127.0.0.2", "127.0.0.3");
  const port = freePort();
  const llamas = ["127.0.0.2", "127.0.0.3"].map((address) => {
    const args = ["-t", "1", "-c", "32768", "-np", "2", "-m", model.path, "-a", "tiny", "--no-ui"];
    return new SpawnedProcess(findLlamaServer(), [...args, "--host", address, "--port", String(port)]);
  });
  // A hosts file of modeld's own, in a mount namespace of its own.
  const script = `mount --bind '${hosts}' /etc/hosts && exec "$@"`;
  const modeld = await Daemon.start({
    args: ["--llama-url", `http+dns://llama.test:${port}`, "--preflight=off", "--llama-timeout=0"],
    through: ["unshare", "--mount", "sh", "-c", script, "sh"],
  });
  try {
    await eventually("both are there", async () => await states(modeld) === "ready,ready");
    const replies = await Promise.all([1, 2].map(() => infer(modeld.url, { prompt: "Once", max_tokens: 15_000 })));
    for (const reply of replies) await reply.read(1);
    const names = replies.map(({ headers }) => headers.get("x-modeld-server") ?? "");
    assertEquals(new Set(names).size, 2);

    await setAddresses("127.0.0.3");
    await modeld.process.line(/removed\W+127\.0\.0\.2/, 10_000);
    const { servers } = await modeld.json("/status");
    assertEquals(servers.length, 2, "the one that goes is still at work");
    const stays = servers.find(({ url }: { url: string }) => url.includes("127.0.0.3")).name;
    for (let i = 0; i < 4; i++) {
      const reply = await infer(modeld.url, { prompt: "Once", max_tokens: 2 });
      assertEquals([(await reply.last()).done, reply.headers.get("x-modeld-server")], [true, stays]);
    }
    for (const reply of replies) {
      const lines = await reply.read(reply.lines.length + 50);
      assert(lines.every(({ token }) => token !== undefined), "what runs there goes on");
      await reply.leave();
    }
    await eventually("the one that went is forgotten", async () => await states(modeld) === "ready");

    await setAddresses(); // an empty answer changes nothing
    await modeld.process.line(/the name is not known/, 10_000);
    assertEquals((await (await infer(modeld.url, { prompt: "Once", max_tokens: 2 })).last()).done, true);
  } finally {
    await modeld.stop("SIGKILL");
    for (const llama of llamas) await llama.stop("SIGKILL");
    await model.remove();
    await Deno.remove(folder, { recursive: true });
  }
});
