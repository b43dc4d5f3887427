import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readArguments } from "../../src/config/arguments.ts";
import { type Configuration, loadConfiguration } from "../../src/config/load.ts";
import { contentOf, Reload, type ReloadOutcome } from "../../src/config/reload.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A configuration that is kept up to date, and the folder of its files. */
interface Rig {
  readonly folder: string;
  readonly reload: Reload;
  readonly outcomes: ReloadOutcome[];
  /** Looks at the files until it would be used if anything had changed. */
  look(): Promise<void>;
  write(name: string, text: string): Promise<void>;
}

const CONFIG = `max_wait: 5s
clients:
  - name: chat
    key_file: FOLDER/keys
`;

/** @param prepare what the folder is to have beside `keys`, and the path of the config file in it */
async function withReload(test: (rig: Rig) => Promise<void>, prepare?: (folder: string) => Promise<string>) {
  const folder = await Deno.makeTempDir({ prefix: "modeld_reload_" });
  const clock = new FakeClock();
  const write = (name: string, text: string) =>
    Deno.writeTextFile(`${folder}/${name}`, text.replaceAll("FOLDER", folder));
  try {
    await write("keys", "sk-one\n");
    await write("modeld.yaml", CONFIG);
    const path = await prepare?.(folder) ?? "modeld.yaml";
    const load = () => loadConfiguration(readArguments(["--config", `${folder}/${path}`]), new Map());
    const outcomes: ReloadOutcome[] = [];
    const reload = new Reload({
      configuration: await load(),
      load,
      content: contentOf,
      report: (outcome) => outcomes.push(outcome),
      clock,
    });
    const looked = () => eventually("a look has ended", () => clock.pendingTimers === 1);
    await looked();
    const look = async () => {
      for (const ms of [2_000, 200]) {
        clock.advance(ms);
        await looked();
      }
    };
    await test({ folder, reload, outcomes, look, write });
    await reload.close();
    assertEquals(clock.pendingTimers, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function changed(outcomes: readonly ReloadOutcome[]): Extract<ReloadOutcome, { is: "changed" }> {
  const [outcome, ...others] = outcomes;
  assertEquals(others, []);
  assert(outcome?.is === "changed", JSON.stringify(outcome));
  return outcome;
}

function problemsOf(outcomes: readonly ReloadOutcome[]): string {
  const outcome = outcomes.at(-1);
  assert(outcome?.is === "failed", JSON.stringify(outcome));
  return outcome.problems.join("\n");
}

const digests = ({ clients }: Configuration) => clients.flatMap((client) => client.digests);

Deno.test("files that stay the same are never gathered anew", () =>
  withReload(async ({ outcomes, look, write }) => {
    await look();
    await write("modeld.yaml", CONFIG);
    await look();
    assertEquals(outcomes, []);
  }));

Deno.test("a config file that is replaced holds", () =>
  withReload(async ({ folder, reload, outcomes, look, write }) => {
    await write("new.yaml", CONFIG.replace("5s", "7s"));
    await Deno.rename(`${folder}/new.yaml`, `${folder}/modeld.yaml`);
    await look();
    assertEquals(changed(outcomes).restart, []);
    assertEquals(reload.current.settings.maxWait, 7_000);
  }));

Deno.test("a change that keeps size and times is seen", () =>
  withReload(async ({ folder, reload, look, write }) => {
    const path = `${folder}/modeld.yaml`;
    const { atime, mtime } = await Deno.stat(path);
    await write("modeld.yaml", CONFIG.replace("5s", "7s"));
    await Deno.utime(path, atime ?? 0, mtime ?? 0);
    await look();
    assertEquals(reload.current.settings.maxWait, 7_000);
  }));

Deno.test("keys that are rotated hold, and the config file need not change", () =>
  withReload(async ({ reload, outcomes, look, write }) => {
    const before = digests(reload.current);
    await write("keys", "sk-one\nsk-two\n");
    await look();
    assertEquals(digests(changed(outcomes).configuration).slice(0, 1), before);
    await write("keys", "sk-two\n");
    await look();
    assertEquals([outcomes.length, digests(reload.current).length], [2, 1]);
    assert(!digests(reload.current).includes(before[0] ?? ""));
  }));

for (
  const [what, text, problem] of [
    ["is no YAML any more", "max_wait: [", "modeld.yaml"],
    ["has a wrong value", CONFIG.replace("5s", "soon"), "max_wait"],
    ["was cut off in a client", CONFIG.slice(0, CONFIG.indexOf("    key_file")), "key_file is missing"],
    ["was cut off before its clients", "max_wait: 5s\n", "no key is left"],
    ["is empty", "", ""],
  ] as const
) {
  Deno.test(`a config file that ${what} changes nothing, is reported once, and holds when it is right again`, () =>
    withReload(async ({ reload, outcomes, look, write }) => {
      const before = reload.current;
      await write("modeld.yaml", text);
      await look();
      await look();
      assertEquals(outcomes.length, 1);
      assertStringIncludes(problemsOf(outcomes), problem);
      assertEquals(reload.current, before);
      await write("modeld.yaml", CONFIG.replace("5s", "7s"));
      await look();
      assertEquals([outcomes.at(-1)?.is, reload.current.settings.maxWait], ["changed", 7_000]);
    }));
}

Deno.test("a file of keys that is removed changes nothing, and holds when it is there again", () =>
  withReload(async ({ folder, reload, outcomes, look, write }) => {
    const before = reload.current;
    await Deno.remove(`${folder}/keys`);
    await look();
    assertStringIncludes(problemsOf(outcomes), "keys");
    assertEquals(reload.current, before);
    await write("keys", "sk-two\n");
    await look();
    assertEquals(outcomes.at(-1)?.is, "changed");
  }));

Deno.test("a config file that is swapped through symlinks, as Kubernetes does, holds", () =>
  withReload(async ({ folder, reload, outcomes, look, write }) => {
    await Deno.mkdir(`${folder}/..two`);
    await write("..two/modeld.yaml", CONFIG.replace("5s", "7s"));
    await Deno.symlink("..two", `${folder}/..data_tmp`);
    await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
    await look();
    assertEquals(changed(outcomes).configuration, reload.current);
    assertEquals(reload.current.settings.maxWait, 7_000);
  }, async (folder) => {
    await Deno.mkdir(`${folder}/..one`);
    await Deno.writeTextFile(`${folder}/..one/modeld.yaml`, CONFIG.replaceAll("FOLDER", folder));
    await Deno.symlink("..one", `${folder}/..data`);
    await Deno.symlink("..data/modeld.yaml", `${folder}/linked.yaml`);
    return "linked.yaml";
  }));

Deno.test("a setting that needs a restart is named and stays, the others hold", () =>
  withReload(async ({ reload, outcomes, look, write }) => {
    const { addr } = reload.current.settings;
    await write("modeld.yaml", `addr: 127.0.0.1:9999\npreflight: warn\n${CONFIG.replace("5s", "7s")}`);
    await look();
    assertEquals(changed(outcomes).restart, ["addr", "preflight"]);
    assertEquals([reload.current.settings.addr, reload.current.settings.maxWait], [addr, 7_000]);
  }));

Deno.test("servers come, go and change; a file that was cut off before them changes nothing", () => {
  const SERVERS = "servers:\n  - url: http://127.0.0.1:8081\n  - {name: two, url: http://127.0.0.1:8082}\n";
  const urls = ({ servers }: Configuration) => servers.map(({ url }) => url.slice(-5, -1)).join();
  return withReload(async ({ reload, outcomes, look, write }) => {
    assertEquals(urls(reload.current), "8081,8082");
    await write(
      "modeld.yaml",
      CONFIG + SERVERS.replace("  - url", "  - vram_budget_mb: 9\n    url").replace("8082", "8083"),
    );
    await look();
    assertEquals(changed(outcomes).restart, []);
    assertEquals([urls(reload.current), reload.current.servers[0]?.vramBudgetMb], ["8081,8083", 9]);
    await write("modeld.yaml", CONFIG);
    await look();
    assertStringIncludes(problemsOf(outcomes), "servers: no llama-server is left: restart modeld");
    assertEquals(urls(reload.current), "8081,8083");
  }, async (folder) => {
    await Deno.writeTextFile(`${folder}/modeld.yaml`, CONFIG.replaceAll("FOLDER", folder) + SERVERS);
    return "modeld.yaml";
  });
});

Deno.test("told to, it gathers the configuration although no file has changed", () =>
  withReload(async ({ reload, outcomes }) => {
    await reload.now();
    assertEquals(outcomes.length, 1);
  }));
