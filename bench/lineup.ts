import { type Contender, direct, modeld, type ModeldPath, nginx, script } from "./contenders.ts";
import { installFastify } from "./fastify.ts";
import { nginxVersion } from "./nginx.ts";
import type { BenchOptions } from "./options.ts";

/** As `deno task start` has it. */
const AS_STARTED = ["-P=modeld", "--unstable-no-legacy-abort"];
const HERE = new URL("../", import.meta.url).pathname;
const FLOOR = `${HERE}bench/floor/`;

/** The name under which the barest Deno program that sees each token stands in the results. */
export const REFERENCE = "Deno, copies bytes";

/** Everyone who takes part on this machine; says who is missing, and how to have them. */
export async function lineup(options: BenchOptions, folder: string): Promise<Contender[]> {
  const bare = [Deno.execPath(), "run", "-q", "--no-config", "--no-lock", "--no-prompt", "--allow-net=127.0.0.1"];
  const contenders = [direct];
  if (await nginxVersion() !== undefined) contenders.push(nginx(folder));
  else console.log("Not run: nginx, which is not on PATH (Debian: apt-get install nginx-light).");
  contenders.push(
    script("Deno, no JavaScript per token", [...bare, `${FLOOR}native_body.ts`]),
    script(REFERENCE, [...bare, `${FLOOR}copies_bytes.ts`]),
  );
  if (takesPart(options, FASTIFY)) {
    const fastify = await installFastify(folder);
    if ("program" in fastify) contenders.push(script(FASTIFY, ["node", fastify.program]));
    else console.log(`Not run: ${FASTIFY}, as ${fastify.missing}.`);
  }
  contenders.push(...await modelds(Deno.execPath(), HERE, ""));
  for (const wanted of options.deno) {
    const { version, path } = await findDeno(wanted);
    contenders.push(...await modelds(path, HERE, `, Deno ${version}`));
  }
  for (const checkout of options.modeld) {
    const path = `${await Deno.realPath(checkout)}/`;
    contenders.push(...await modelds(Deno.execPath(), path, `, ${path.split("/").at(-2)}`));
  }
  if (await isFile(options.compiled)) {
    for (const path of PATHS) contenders.push(modeld(`modeld ${shown(path)}, compiled`, path, [options.compiled]));
  } else console.log(`Not run: the executable, as there is no ${options.compiled}; "deno task compile" writes it.`);
  return contenders.filter(({ name }) => takesPart(options, name));
}

const FASTIFY = "fastify on Node";
const PATHS: readonly ModeldPath[] = ["/infer", "/v1/completions"];

/** Direct and the reference always do: the numbers of the others mean little without them. */
function takesPart({ only }: BenchOptions, name: string): boolean {
  return only.length === 0 || name === direct.name || name === REFERENCE || only.some((part) => name.includes(part));
}

/** modeld from a checkout, on each API that it has. */
async function modelds(deno: string, checkout: string, suffix: string): Promise<Contender[]> {
  const command = [deno, "run", "-q", ...importMap(checkout), ...AS_STARTED, `${checkout}main.ts`];
  const hasV1 = await exists(`${checkout}src/http/api/v1`);
  return PATHS.filter((path) => path === "/infer" || hasV1)
    .map((path) => modeld(`modeld ${shown(path)}${suffix}`, path, command));
}

function shown(path: ModeldPath): string {
  return path === "/infer" ? path : "/v1";
}

/** The checkout's @std stand-ins, if this program runs on its own, so that modeld runs on what the bench was started with. */
function importMap(checkout: string): string[] {
  const isLocal = import.meta.resolve("@std/cli/parse-args").startsWith("file:");
  return isLocal ? [`--import-map=${checkout}tools/std/import_map.json`] : [];
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
  return await exists(path) && (await Deno.stat(path)).isFile;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
