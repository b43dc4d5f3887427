import { type Contender, direct, modeld, nginx } from "./contenders.ts";
import { nginxVersion } from "./nginx.ts";
import type { BenchOptions } from "./options.ts";

/** As `deno task start` has it. */
const AS_STARTED = ["-P=modeld", "--unstable-no-legacy-abort"];
const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** The name under which the plain proxy stands in the results. */
export const PLAIN_PROXY = "nginx";

/** Everyone who takes part on this machine; says who is missing, and how to have them. */
export async function lineup(options: BenchOptions, folder: string): Promise<Contender[]> {
  const contenders = [direct];
  if (await nginxVersion() !== undefined) contenders.push(nginx(folder));
  else console.log("No nginx on PATH: no plain proxy to compare with (Debian: apt-get install nginx-light).");

  for (const wanted of [Deno.execPath(), ...options.deno]) {
    const { version, path } = await findDeno(wanted);
    contenders.push(modeld(`modeld, Deno ${version}`, [path, "run", "-q", ...importMap(), ...AS_STARTED, MAIN]));
  }
  if (await isFile(options.compiled)) contenders.push(modeld("modeld, compiled", [options.compiled]));
  else console.log(`No executable at ${options.compiled}: run "deno task compile" to have it measured too.`);

  const wanted = ({ name }: Contender) =>
    name === direct.name || name === PLAIN_PROXY || options.only.some((part) => name.includes(part));
  return options.only.length === 0 ? contenders : contenders.filter(wanted);
}

/** This program's own @std stand-ins, if it runs on them, so that modeld runs on what the bench was started with. */
function importMap(): string[] {
  const isLocal = import.meta.resolve("@std/cli/parse-args").startsWith("file:");
  return isLocal ? [`--import-map=${new URL("../tools/std/import_map.json", import.meta.url).pathname}`] : [];
}

/** A version is run once through npx, which says where it has put the program. */
async function findDeno(wanted: string): Promise<{ version: string; path: string }> {
  const script = "console.log(JSON.stringify({version: Deno.version.deno, path: Deno.execPath()}))";
  const isVersion = /^\d/.test(wanted);
  const command = new Deno.Command(isVersion ? "npx" : wanted, {
    args: [...(isVersion ? ["-y", `deno@${wanted}`] : []), "eval", script],
    stderr: "inherit",
  });
  const { stdout } = await command.output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
