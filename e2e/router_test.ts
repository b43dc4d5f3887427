import { assert, assertEquals } from "@std/assert";
import type { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { infer, type InferReply } from "../tests/support/ndjson_client.ts";
import { childrenOf } from "../tests/support/process_inspection.ts";
import { withRouter } from "./support/stack.ts";

const SHORT = { prompt: "Once", max_tokens: 4 };
const LONG = { prompt: "Once", max_tokens: 6_000 };

/** The state of every instance, as `/status` shows it. */
async function states(modeld: Daemon): Promise<Record<string, string>> {
  const status = await modeld.json("/status");
  const pairs = status.instances.map((one: { model_id: string; state: string }) => [one.model_id, one.state]);
  return Object.fromEntries(pairs);
}

async function typeOf(reply: InferReply): Promise<[number, string | undefined]> {
  return [reply.status, (await reply.last()).type];
}

Deno.test("a model is loaded when it is asked for, and only then", async () => {
  await withRouter(["a", "b"], {}, async ({ modeld }) => {
    const models = (await modeld.json("/models")).models.map((model: { id: string }) => model.id).sort();
    assertEquals(models, ["a", "b"]);
    assertEquals((await (await infer(modeld.url, { ...SHORT, model: "a" })).last()).done, true);
    const { a, b } = await states(modeld);
    assertEquals([a, b], ["ready", "unloaded"]);
  });
});

Deno.test("with --models-max 1 a request for another model unloads the idle one first", async () => {
  await withRouter(["a", "b"], { llama: ["--models-max", "1"] }, async ({ modeld }) => {
    for (const model of ["a", "b", "a"]) {
      assertEquals((await (await infer(modeld.url, { ...SHORT, model })).last()).done, true);
    }
    const { a, b } = await states(modeld);
    assertEquals([a, b], ["ready", "unloaded"]);
    assertEquals((await modeld.json("/status")).evictions_total, 2);
  });
});

Deno.test("with room for two the least recently used model goes, not the least recently loaded", async () => {
  await withRouter(["a", "b", "c"], { llama: ["--models-max", "2"] }, async ({ modeld }) => {
    for (const model of ["a", "b", "a", "c"]) {
      assertEquals((await (await infer(modeld.url, { ...SHORT, model })).last()).done, true);
    }
    const { a, b, c } = await states(modeld);
    assertEquals([a, b, c], ["ready", "unloaded", "ready"]);
  });
});

Deno.test("a busy model is never evicted: the request for another waits until its stream has ended, and is served", async () => {
  await withRouter(["a", "b"], { llama: ["--models-max", "1"] }, async ({ modeld }) => {
    await (await infer(modeld.url, { ...SHORT, model: "a" })).last();
    const long = await infer(modeld.url, { ...LONG, model: "a" });
    await long.read(1);
    const ends: string[] = [];
    const other = infer(modeld.url, { ...SHORT, model: "b" }).then(async (reply) => {
      assertEquals((await reply.last()).done, true);
      ends.push("b");
    });
    assertEquals((await long.last()).done, true);
    ends.push("a");
    await other;
    assertEquals(ends, ["a", "b"]);
  });
});

Deno.test("a model larger than the budget is 507 at once", async () => {
  await withRouter(
    ["a"],
    { blocks: 8, modeld: ["--vram-budget-mb", "2", "--vram-margin-mb", "1", "--preflight=off"] },
    async ({ modeld }) => {
      assertEquals(await typeOf(await infer(modeld.url, { ...SHORT, model: "a" })), [507, "insufficient_vram"]);
    },
  );
});

Deno.test("a full queue is 429 with Retry-After, and those in it are served", async () => {
  await withRouter(["a"], { modeld: ["--max-queue-depth", "1", "--max-inflight", "1"] }, async ({ modeld }) => {
    const running = await infer(modeld.url, { ...LONG, model: "a" });
    await running.read(1);
    const queued = infer(modeld.url, { ...SHORT, model: "a" });
    await eventually("one waits", async () => (await modeld.json("/status")).instances[0].queue_len === 1);
    const refused = await infer(modeld.url, { ...SHORT, model: "a" });
    assert(Number(refused.headers.get("retry-after")) >= 1);
    assertEquals(await typeOf(refused), [429, "queue_full"]);
    await running.leave();
    assertEquals((await (await queued).last()).done, true);
  });
});

Deno.test("an unknown model is 404 and is never sent to the router", async () => {
  await withRouter(["a"], {}, async ({ llama, modeld }) => {
    assertEquals(await typeOf(await infer(modeld.url, { ...SHORT, model: "nobody" })), [404, "model_not_found"]);
    await llama.stop();
    assertEquals(llama.process.lines.filter((line) => line.includes("nobody")), []);
  });
});

Deno.test("a model's process that is killed mid-stream gives an error line, and the next request loads it again", async () => {
  await withRouter(["a"], {}, async ({ llama, modeld }) => {
    const reply = await infer(modeld.url, { ...LONG, model: "a" });
    await reply.read(3);
    const children = await childrenOf(llama.process.pid);
    assertEquals(children.length, 1);
    for (const child of children) Deno.kill(child, "SIGKILL");
    const last = await reply.last();
    assertEquals([last.done, last.code], [undefined, 500]);
    await eventually("it is served again", async () => {
      const again = await infer(modeld.url, { ...SHORT, model: "a" });
      return (await again.last()).done === true;
    });
  });
});
