import { runDaemon } from "../../../src/cli/daemon.ts";
import type { Kind } from "../../../src/config/kinds.ts";
import { type SettingName, settingsTable } from "../../../src/config/settings_table.ts";
import { configure } from "../../config/configure.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../../support/fake_llama_http_server.ts";
import { infer, type InferReply } from "../../support/ndjson_client.ts";
import { freePort } from "../../support/ports.ts";
import { assert } from "@std/assert";

/** One setting with a value, and how a user of modeld sees that it counts. */
export interface Effect {
  /** As text of a flag or a variable. */
  readonly text: string | ((rig: Rig) => string);
  /** Other settings that it needs. */
  readonly given?: Partial<Record<SettingName, string>>;
  /** How the fake llama-server is; `absent`: not there, and modeld is not waited for. */
  readonly fake?: FakeLlamaOptions | "absent";
  /** What modeld is in front of in place of the fake; modeld is not waited for. */
  readonly upstream?: () => Promise<Upstream>;
  /** Fails unless the value counts, and so also with the default. */
  see(rig: Rig): Promise<void>;
  /** Why it is not seen by a reload, where the setting is live. */
  readonly notByReload?: string;
}

/** Something that a llama-url can name. */
export interface Upstream {
  readonly url: URL;
  close(): void | Promise<void>;
}

/** A daemon in this process, in front of a fake llama-server, and a folder of the test's own. */
export interface Rig {
  readonly url: URL;
  readonly llamaUrl: URL;
  readonly fake: FakeLlamaHttpServer;
  readonly folder: string;
  /** Asks for an end; resolves with the exit code. */
  stop(): Promise<number>;
  infer(more?: Record<string, unknown>): Promise<InferReply>;
}

/** Less than any default deadline that a test could see in place of its value, in ms. */
const longest = 9_000;

/** The settings that have been tested. */
export const testedSettings = new Set<SettingName>();

/** Registers a test for each source of the setting. */
export function testEffect(name: SettingName, effect: Effect): void {
  testedSettings.add(name);
  const { flag, variables, key, title, reload } = settingsTable[name];
  if (flag !== undefined) {
    Deno.test(`${title} takes effect as flag`, () => run(name, effect, (text) => ({ args: [`${flag}=${text}`] })));
  }
  for (const variable of variables) {
    Deno.test(`${title} takes effect as ${variable}`, () =>
      run(name, effect, (text) => ({ env: { [variable]: text } })));
  }
  if (key === undefined) return;
  const inFile = (text: string) => ({ [key]: fileValue(settingsTable[name].kind, text) });
  Deno.test(`${title} takes effect as config key`, () => run(name, effect, (text) => ({ file: inFile(text) })));
  if (reload === "restart" || effect.notByReload !== undefined) return;
  Deno.test(`${title} takes effect by a reload`, () => run(name, effect, (text) => ({ reloaded: inFile(text) })));
}

/** The value as JSON has it. */
function fileValue({ schema }: Pick<Kind<unknown>, "schema">, text: string): unknown {
  if (schema.type === "array") return text.split(",");
  if (schema.type === "object") return Object.fromEntries(text.split(",").map((pair) => pair.split("=")));
  return schema.type === "integer" || schema.type === "boolean" ? JSON.parse(text) : text;
}

interface Way {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: Readonly<Record<string, unknown>>;
  /** What the file holds when modeld, which has begun without it, reads it again. */
  readonly reloaded?: Readonly<Record<string, unknown>>;
}

async function run(name: SettingName, effect: Effect, way: (text: string) => Way): Promise<void> {
  const folder = await Deno.makeTempDir();
  const absent = effect.fake === "absent";
  const port = freePort();
  const fake = await FakeLlamaHttpServer.start(effect.fake === "absent" ? {} : effect.fake);
  if (absent) await fake.close();
  const upstream = await effect.upstream?.() ?? { url: fake.url, close: () => {} };
  const stop = new AbortController();
  let done = Promise.resolve(0);
  const rig: Rig = {
    url: new URL(`http://127.0.0.1:${port}`),
    llamaUrl: upstream.url,
    fake,
    folder,
    stop: () => {
      stop.abort();
      return done;
    },
    infer: (more) => infer(rig.url, { prompt: "Once", ...more }),
  };
  try {
    const text = typeof effect.text === "string" ? effect.text : effect.text(rig);
    const { args = [], env = {}, file = {}, reloaded } = way(text);
    const given = {
      addr: rig.url.host,
      llamaUrl: upstream.url.href,
      modelsDir: folder,
      preflight: "off",
      shutdownTimeout: "0",
      ...effect.given,
    };
    const flags = Object.entries(given).filter(([other]) => other !== name);
    const allArgs = [...flags.map(([other, value]) => `${settingsTable[other as SettingName].flag}=${value}`), ...args];
    const config = `${folder}/modeld.json`;
    await Deno.writeTextFile(config, JSON.stringify(file));
    const load = () => configure({ args: [`--config=${config}`, ...allArgs], env });
    let reload = () => {};
    const onAsked = (callback: () => void) => {
      reload = callback;
      return () => {};
    };
    const loaded = Promise.withResolvers<void>();
    const reloads = async () => await load().finally(() => loaded.resolve());
    done = runDaemon(await load(), stop.signal, { renewal: { load: reloads, onAsked } });
    const isSeen = !absent && effect.upstream === undefined;
    if (isSeen) await eventually("modeld is ready", async () => await readyz(rig.url) !== "loading");
    if (reloaded !== undefined) {
      await Deno.writeTextFile(config, JSON.stringify(reloaded));
      reload();
      await loaded.promise;
      const notYet = ["loading", "unreachable", "not configured"];
      if (isSeen) await eventually("modeld is ready with it", async () => !notYet.includes(await readyz(rig.url)));
    }
    const startedAt = performance.now();
    await effect.see(rig);
    const took = performance.now() - startedAt;
    assert(took < longest, `it took ${took} ms, so it may be the default that was seen`);
  } finally {
    await rig.stop();
    if (!absent) await fake.close();
    await upstream.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** What `/readyz` says. */
export async function readyz(url: URL): Promise<string> {
  return await (await fetch(new URL("/readyz", url))).text();
}
