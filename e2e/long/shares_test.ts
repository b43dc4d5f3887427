import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { bearer, type Configured, withConfigured } from "../../tests/support/configured_daemon.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { Load } from "../../tests/support/load.ts";
import { type Llama, llamas } from "../support/llama.ts";

// Clients share one llama-server: a fake one, and a real one.

/** The fake takes 2 ms for a token, a real one with a tiny model much less. */
const TOKENS = { fake: 30, real: 200 };
const LONG = { max_tokens: 4_000 };

/** What a scene is set up with; other settings stand as in the config file. */
interface SceneOptions {
  readonly slots: number;
  readonly clients: readonly object[];
  /** Files beside the config file. */
  readonly files?: Readonly<Record<string, string>>;
  readonly [setting: string]: unknown;
}

interface Scene extends Configured {
  readonly llama: Llama;
}

for (const kind of ["fake", "real"] as const) {
  const start = llamas[kind];
  const request = { max_tokens: TOKENS[kind] };
  /** Requests with this key that are all sent at once. */
  const load = ({ ask }: Pick<Scene, "ask">, key: string, count: number, body: Record<string, unknown> = request) =>
    new Load(count, (signal) => ask(key, body, { signal }));

  /** Registers a test with these clients, each named as its key without `sk-`, and a llama-server of so many slots. */
  const scene = (
    promise: string,
    { slots, clients, files, ...settings }: SceneOptions,
    test: (scene: Scene) => Promise<void>,
  ) =>
    Deno.test(`${kind}: ${promise}`, async () => {
      const llama = await start(slots);
      const config = { llama_url: llama.url.href, max_queue_depth: 1_000, max_wait: "60s", ...settings, clients };
      try {
        await withConfigured({ files: { "modeld.json": config, ...files } }, async (configured) => {
          await test({ ...configured, llama });
          assertEquals(await configured.modeld.stop(), { code: 0, signal: null });
        });
      } finally {
        await llama.stop();
      }
    });

  scene("a key that chats waits for no more than what runs, beside one that floods", {
    slots: 2,
    clients: [{ name: "flood", key: "sk-flood" }, { name: "chat", key: "sk-chat" }],
  }, async (scene) => {
    const flood = load(scene, "sk-flood", 120);
    await waiting(scene, "flood", 60);
    for (let turn = 0; turn < 8; turn++) {
      const before = flood.ended;
      const reply = await scene.ask("sk-chat", request);
      await reply.read(1);
      const passed = flood.ended - before;
      assert(passed <= 4, `${passed} of the flood ended before the chat began`);
      assertEquals((await reply.last()).done, true);
    }
    assert(flood.ended < 100, `the flood was over too soon to say anything: ${flood.ended}`);
    assertEquals(await flood.outcomes(), { "200 done": 120 });
  });

  scene("weights of 3 to 1 become slot time of 3 to 1", {
    slots: 2,
    clients: [{ name: "heavy", key: "sk-heavy", weight: 3 }, { name: "light", key: "sk-light" }],
  }, async (scene) => {
    const loads = ["sk-heavy", "sk-light"].map((key) => load(scene, key, 180));
    await Promise.all([waiting(scene, "heavy", 120), waiting(scene, "light", 120)]);
    // The one that came first had all slots for a moment.
    const before = await used(scene);
    let after = before;
    await eventually("80 more have ended", async () => {
      after = await used(scene);
      return after.ended >= before.ended + 80;
    }, 60_000);
    assert(after.heavyWaits > 0 && after.lightWaits > 0, "one of them has nothing left to ask for");
    const share = (after.heavy - before.heavy) / (after.heavy - before.heavy + after.light - before.light);
    assert(Math.abs(share - 0.75) < 0.05, `heavy had ${share} of the slot time`);
    for (const each of loads) await each.leave();
  });

  for (const [ageing, waits] of [["400ms", "until it has aged"], ["0", "until nobody of a higher one is there"]]) {
    scene(`with priority_ageing ${ageing} a request of class batch waits ${waits}`, {
      slots: 1,
      clients: [
        { name: "talk", key: "sk-talk", priority: "interactive" },
        { name: "night", key: "sk-night", priority: "batch" },
      ],
      priority_ageing: ageing === "0" ? 0 : ageing,
    }, async (scene) => {
      const talk = load(scene, "sk-talk", 60);
      await waiting(scene, "talk", 40);
      const before = talk.ended;
      const reply = await scene.ask("sk-night", request);
      assertEquals((await reply.last()).done, true);
      if (ageing === "0") assertEquals(talk.ended, 60);
      else {assert(
          talk.ended > before + 2 && talk.ended < 60,
          `${before} before it came, ${talk.ended} before it ended`,
        );}
      assertEquals(await talk.outcomes(), { "200 done": 60 });
    });
  }

  scene("a full queue is shared: who holds less than its share takes the newest place of who floods", {
    slots: 1,
    clients: [{ name: "flood", key: "sk-flood" }, { name: "chat", key: "sk-chat" }],
    max_queue_depth: 8,
  }, async (scene) => {
    const running = await scene.ask("sk-flood", LONG);
    const flood = load(scene, "sk-flood", 10, LONG);
    await eventually("the queue is full, and two were turned away", () => flood.ended === 2);
    const chat = scene.ask("sk-chat", request);
    await eventually("one of the flood has left for it", () => flood.ended === 3);
    assertEquals(await counts(scene), { flood: 7, chat: 1 });
    assertStringIncludes(
      await scene.see("sk-chat", "/metrics"),
      'rejected_total{client="flood",reason="queue_full"} 3',
    );
    await running.leave();
    assertEquals([(await chat).status, (await (await chat).last()).done], [200, true]);
    await flood.leave();
  });

  scene("requests a minute are counted to the last one, and each reply says what is left", {
    slots: 2,
    clients: [{ name: "limited", key: "sk-limited", requests_per_minute: 3 }, { name: "free", key: "sk-free" }],
  }, async ({ ask, modeld }) => {
    const limits = ({ headers }: { headers: Headers }) =>
      ["limit", "remaining", "reset"].map((what) => headers.get(`x-ratelimit-${what}-requests`));
    for (const left of ["2", "1", "0"]) {
      const reply = await ask("sk-limited", { max_tokens: 2 });
      assertEquals([reply.status, (await reply.last()).done], [200, true]);
      const [limit, remaining, reset] = limits(reply);
      assertEquals([limit, remaining], ["3", left]);
      assertMatch(reset ?? "", /^(\d+m)?\d+(\.\d+)?s$/);
    }
    const refused = await ask("sk-limited", { max_tokens: 2 });
    assertEquals([refused.status, (await refused.last()).type], [429, "rate_limited"]);
    assertEquals(limits(refused).slice(0, 2), ["3", "0"]);
    const seconds = Number(refused.headers.get("retry-after"));
    assert(seconds >= 1 && seconds <= 20, `${seconds}`);
    const chat = await fetch(new URL("/v1/chat/completions", modeld.url), {
      method: "POST",
      headers: { ...bearer("sk-limited"), "Content-Type": "application/json" },
      body: JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "Once" }] }),
    });
    assertEquals([chat.status, (await chat.json()).error.code, limits(chat)[1]], [429, "rate_limited", "0"]);
    const free = await ask("sk-free", { max_tokens: 2 });
    assertEquals([(await free.last()).done, limits(free)], [true, [null, null, null]]);
  });

  scene("tokens a minute count what llama-server counted", {
    slots: 2,
    clients: [{ name: "limited", key: "sk-limited", tokens_per_minute: 600 }],
  }, async ({ ask }) => {
    const remaining = ({ headers }: { headers: Headers }) => Number(headers.get("x-ratelimit-remaining-tokens"));
    const first = await ask("sk-limited", { max_tokens: 256 });
    assertEquals([first.status, remaining(first)], [200, 600 - 257]);
    const used = (await first.last()).usage?.total_tokens ?? NaN;
    const second = await ask("sk-limited", { max_tokens: 100 });
    await second.last();
    const expected = 600 - used - 101;
    // Ten come back each second.
    assert(remaining(second) >= expected && remaining(second) <= expected + 100, `${remaining(second)}, ${expected}`);
    const refused = await ask("sk-limited", { prompt: "x".repeat(3_000), max_tokens: 256 });
    assertEquals([refused.status, (await refused.last()).type], [429, "rate_limited"]);
  });

  scene("a model that a client may not use is 403, and not in its lists", {
    slots: 1,
    clients: [{ name: "any", key: "sk-any" }, { name: "barred", key: "sk-barred", models: ["qwen*"] }],
  }, async ({ ask, see, modeld }) => {
    const refused = await ask("sk-barred", { model: "tiny" });
    assertEquals([refused.status, (await refused.last()).type], [403, "model_forbidden"]);
    const chat = await fetch(new URL("/v1/chat/completions", modeld.url), {
      method: "POST",
      headers: { ...bearer("sk-barred"), "Content-Type": "application/json" },
      body: JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "Once" }] }),
    });
    assertEquals([chat.status, (await chat.json()).error.code], [403, "model_forbidden"]);
    assertEquals(JSON.parse(await see("sk-barred", "/v1/models")).data, []);
    assertEquals(JSON.parse(await see("sk-barred", "/models")).models, []);
    assertEquals(JSON.parse(await see("sk-any", "/v1/models")).data.map(({ id }: { id: string }) => id), ["tiny"]);
  });

  scene("a key that is taken away ends no stream and nobody who waits, and its next request is 401", {
    slots: 1,
    clients: [{ name: "old", key_file: "FOLDER/keys" }],
    files: { keys: "sk-old\n" },
  }, async (scene) => {
    const running = await scene.ask("sk-old", LONG);
    await running.read(1);
    const queued = scene.ask("sk-old", request);
    await waiting(scene, "old", 1);
    await scene.write("keys", "sk-new\n");
    assertEquals(await scene.reload(), "reloaded");
    assertEquals((await scene.ask("sk-old")).status, 401);
    const next = scene.ask("sk-new", request);
    for (const reply of [running, await queued, await next]) {
      assertEquals([reply.status, (await reply.last()).done], [200, true], reply.text);
    }
  });

  Deno.test(`${kind}: servers are added to the list and taken from it while requests run, and none fails`, async () => {
    const [first, second] = [await start(2), await start(2)];
    const server = ({ url }: Llama, name: string) => ({ name, url: url.href });
    const config = (...servers: object[]) => ({ servers, max_queue_depth: 200, max_wait: "60s" });
    try {
      const files = { "modeld.json": config(server(first, "first")) };
      await withConfigured({ files, args: ["--llama-timeout=0"] }, async ({ modeld, write, reload, ask }) => {
        const servers = async () => (await modeld.json("/status")).servers.map(({ name }: { name: string }) => name);
        const change = async (...servers: object[]) => {
          await write("modeld.json", JSON.stringify(config(...servers)));
          assertEquals(await reload(), "reloaded");
        };
        const longest = await ask("", LONG);
        await longest.read(1);
        const both = load({ ask }, "", 120);
        await change(server(first, "first"), server(second, "second"));
        assertEquals(await servers(), ["first", "second"]);
        await eventually("both have served", () => both.servers.size === 2);

        await change(server(second, "second"));
        for (let i = 0; i < 4; i++) {
          const reply = await ask("", { max_tokens: 2 });
          assertEquals([(await reply.last()).done, reply.headers.get("x-modeld-server")], [true, "second"]);
        }
        assertEquals([(await longest.last()).done, longest.headers.get("x-modeld-server")], [true, "first"]);
        await eventually("the first is forgotten", async () => (await servers()).join() === "second");

        // The only one is replaced, while requests wait for it.
        const last = load({ ask }, "", 20);
        await change(server(first, "third"));
        assertEquals(await both.outcomes(), { "200 done": 120 });
        assertEquals(await last.outcomes(), { "200 done": 20 });
        assert(last.servers.has("third"), [...last.servers].join());
        await eventually("the second is forgotten", async () => (await servers()).join() === "third");
        assertEquals(await modeld.stop(), { code: 0, signal: null });
      });
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });
}

/** How many of each client's requests wait. */
async function counts({ see }: Scene): Promise<Record<string, number>> {
  const { clients } = JSON.parse(await see("sk-chat", "/status"));
  return Object.fromEntries(clients.map((client: { name: string; waiting: number }) => [client.name, client.waiting]));
}

/** Slot-seconds of ended requests and what waits, of both clients, and how many requests have ended. */
async function used(
  { see }: Scene,
): Promise<Record<"heavy" | "light" | "heavyWaits" | "lightWaits" | "ended", number>> {
  const text = await see("sk-heavy", "/metrics");
  const sample = (series: string) => Number(new RegExp(`^modeld_${series}.*\\} (.*)$`, "m").exec(text)?.[1] ?? 0);
  return {
    heavy: sample('client_slot_seconds_total\\{client="heavy"'),
    light: sample('client_slot_seconds_total\\{client="light"'),
    heavyWaits: sample('client_queue_depth\\{client="heavy"'),
    lightWaits: sample('client_queue_depth\\{client="light"'),
    ended: sample("queue_wait_seconds_count"),
  };
}

async function waiting({ see }: Scene, name: string, count: number): Promise<void> {
  const isIn = (text: string) => Number(new RegExp(`queue_depth\\{client="${name}"\\} (\\d+)`).exec(text)?.[1]);
  await eventually(`${count} of ${name} wait`, async () => isIn(await see(`sk-${name}`, "/metrics")) >= count);
}
