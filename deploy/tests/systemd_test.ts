import { assert, assertEquals } from "@std/assert";

const UNIT = new URL("../systemd/modeld.service", import.meta.url).pathname;

async function analyze(...args: string[]): Promise<{ code: number; text: string }> {
  const output = await new Deno.Command("systemd-analyze", { args, stdin: "null" }).output();
  const text = new TextDecoder();
  return { code: output.code, text: text.decode(output.stdout) + text.decode(output.stderr) };
}

Deno.test("systemd accepts the unit", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // systemd wants the executable to exist; everything else is checked as it stands.
    const unit = (await Deno.readTextFile(UNIT)).replaceAll("/usr/local/bin/modeld", "/bin/true");
    await Deno.writeTextFile(`${folder}/modeld.service`, unit);
    assertEquals(await analyze("verify", `${folder}/modeld.service`), { code: 0, text: "" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the unit's exposure, as systemd counts it, is under 3", async () => {
  const { code, text } = await analyze("security", "--offline=true", "--threshold=30", UNIT);
  const level = Number(text.match(/Overall exposure level for modeld\.service: ([\d.]+)/)?.[1]);
  assert(level < 3, `exposure ${level}:\n${text}`);
  assertEquals(code, 0);
});

Deno.test("the unit is started when modeld is ready, reloads by SIGHUP, and is not restarted over a bad configuration", async () => {
  const unit = await Deno.readTextFile(UNIT);
  const value = (key: string) => unit.match(new RegExp(`^${key}=(.*)$`, "m"))?.[1];
  assertEquals(value("RestartPreventExitStatus"), "2");
  assertEquals(value("ExecReload"), "/bin/kill -HUP $MAINPID");
  assertEquals(value("ExecStartPost"), "/bin/sh -c 'until /usr/local/bin/modeld health; do sleep 1; done'");
});
