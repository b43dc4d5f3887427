import { assert, assertEquals } from "@std/assert";
import { type SettingName, settingsTable } from "../../../src/config/settings_table.ts";
import { withFile } from "../../config/configure.ts";
import { Daemon, type DaemonOptions } from "../../support/daemon.ts";
import { infer } from "../../support/ndjson_client.ts";
import type { SpawnedProcess } from "../../support/spawned_process.ts";
import { FakeLlamaHttpServer } from "../../support/fake_llama_http_server.ts";

/** Settings that show on stdout or stderr: a value other than the default, and what shows it. */
const effects: Partial<Record<SettingName, readonly [string, unknown, (process: SpawnedProcess) => void]>> = {
  logLevel: ["debug", "debug", ({ stderrLines }) => {
    const levels = stderrLines.map((line) => JSON.parse(line).level);
    assert(levels.includes("DEBUG"));
  }],
  logFormat: ["text", "text", ({ stderrLines }) => {
    assert(stderrLines.every((line) => !line.startsWith("{")));
    assert(stderrLines.some((line) => / INF ready on http:\/\/127/.test(line)));
  }],
  events: ["true", true, ({ stdoutLines }) => {
    assertEquals(stdoutLines.map((line) => JSON.parse(line).event), ["server_found"]);
  }],
};

Deno.test("log_level, log_format and events take effect by a reload", async () => {
  const fake = await FakeLlamaHttpServer.start();
  await withFile(".json", "{}", async (path) => {
    const daemon = await Daemon.start({ args: ["--llama-url", fake.url.href, "--config", path] });
    try {
      await daemon.ready();
      const changed = Object.entries(effects).map((
        [name, [, value]],
      ) => [settingsTable[name as SettingName].key, value]);
      await Deno.writeTextFile(path, JSON.stringify(Object.fromEntries(changed)));
      daemon.process.signal("SIGHUP");
      await daemon.process.line(/^[^{].*the configuration was reloaded/);
      assertEquals((await (await infer(daemon.url, { prompt: "Once" })).last()).done, true);
      await daemon.process.line(/^[^{]*DBG/);
      await fake.close();
      await daemon.process.line(/"event":"server_lost"/);
      assertEquals(daemon.process.stdoutLines.map((line) => JSON.parse(line).event), ["server_lost"]);
    } finally {
      await daemon.stop();
    }
  });
});

for (const [name, effect] of Object.entries(effects)) {
  const { flag, variables, key, title } = settingsTable[name as SettingName];
  const [text, inFile, see] = effect;
  const ways: readonly (readonly [string, (path: string) => DaemonOptions])[] = [
    ["flag", () => ({ args: [`${flag}=${text}`] })],
    ["variable", () => ({ env: { [variables[0] ?? ""]: text } })],
    ["config key", (path) => ({ args: ["--config", path] })],
  ];
  for (const [way, options] of ways) {
    Deno.test(`${title} takes effect as ${way}`, async () => {
      const fake = await FakeLlamaHttpServer.start();
      await withFile(".json", JSON.stringify({ [key ?? ""]: inFile }), async (path) => {
        const { args = [], env = {} } = options(path);
        const daemon = await Daemon.start({ args: ["--llama-url", fake.url.href, ...args], env });
        try {
          await daemon.ready();
          assertEquals((await (await infer(daemon.url, { prompt: "Once" })).last()).done, true);
        } finally {
          await daemon.stop();
          await fake.close();
        }
        see(daemon.process);
      });
    });
  }
}
