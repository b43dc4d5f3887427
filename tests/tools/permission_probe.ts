/**
 * Tries one thing after the other and prints as JSON, for each, whether it was allowed. It is run, and compiled, with
 * modeld's permissions.
 */
const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  run: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync(),
  write: () => Deno.writeTextFileSync("modeld-probe", ""),
  remove: () => Deno.removeSync("modeld-probe"),
  sys: () => Deno.hostname(),
  ffi: () => Deno.dlopen("libm.so.6", {}),
  foreignEnv: () => Deno.env.get("PATH"),
  everyEnv: () => Deno.env.toObject(),
  ownEnv: () => Deno.env.get("MODELD_ADDR"),
  read: () => Deno.statSync("/"),
  net: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
};

function allowed(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    throw error;
  }
}

console.log(JSON.stringify(
  Object.fromEntries(Object.entries(ATTEMPTS).map(([name, attempt]) => [name, allowed(attempt)])),
));
