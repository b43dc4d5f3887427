import { assertEquals } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { environmentNames } from "../../src/config/environment.ts";
import { LEAST_PRIVILEGE } from "./least_privilege.ts";

const PROBE = new URL("./permission_probe.ts", import.meta.url).pathname;

Deno.test("modeld's permissions name exactly the environment variables that it reads", () => {
  assertEquals(project.permissions.modeld.env, [...environmentNames].sort());
});

Deno.test("modeld's permissions hold net, read and environment names, and nothing else", () => {
  assertEquals(Object.keys(project.permissions.modeld).sort(), ["env", "net", "read"]);
});

Deno.test("modeld's permissions forbid running programs, writing files and reading others' variables", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-P=modeld", "--no-prompt", "--no-lock", PROBE],
  }).output();
  assertEquals(JSON.parse(new TextDecoder().decode(stdout)), LEAST_PRIVILEGE);
});
