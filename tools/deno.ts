/**
 * Runs a deno subcommand on this project: `tools/deno.ts <subcommand> [arguments]`. Every task that needs dependencies
 * goes through it, so that modeld also builds, runs and tests where JSR cannot be reached
 * (docs/adr/0001-std-comes-from-jsr-or-from-local-modules.md). Itself it imports nothing from outside the project.
 */
import project from "../deno.json" with { type: "json" };
import { chooseStd, type StdChoice, whyUnreachable } from "./choose_std.ts";
import { whenNpxIsGone } from "./npx_above.ts";
import { runForwardingSignals } from "./run_forwarding_signals.ts";
import standIns from "./std/import_map.json" with { type: "json" };

/** How long JSR may take to answer before the stand-ins are used, in ms. */
const JSR_DEADLINE = 2_000;

Deno.exit(await main(Deno.args));

/** Resolves with the exit code. */
async function main([subcommand = "help", ...rest]: string[]): Promise<number> {
  const std = await choose();
  if (std === undefined) return 2;
  if (std.note !== undefined) console.error(std.note);
  const flags = std.source === "jsr" ? [] : [`--import-map=${import.meta.resolve("./std/import_map.json")}`];
  const stop = new AbortController();
  using _ = await whenNpxIsGone(() => stop.abort());
  return await runForwardingSignals(Deno.execPath(), [subcommand, ...flags, ...rest], {
    env: { PATH: pathWithThisDeno() },
    stop: stop.signal,
  });
}

async function choose(): Promise<StdChoice | undefined> {
  try {
    return await chooseStd({
      wanted: Deno.env.get("MODELD_STD"),
      isCached,
      unreachable: () => whyUnreachable("https://jsr.io/@std/assert/meta.json", JSR_DEADLINE),
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    return undefined;
  }
}

/** Tries what the project imports. This process runs with `--cached-only`, so nothing is downloaded. */
async function isCached(): Promise<boolean> {
  const packages: Readonly<Record<string, string>> = project.imports;
  const modules = Object.keys(standIns.imports).filter((name) => name.startsWith("@std/"));
  const results = await Promise.allSettled(modules.map((module) => {
    const [scope, name, ...path] = module.split("/");
    return import([packages[`${scope}/${name}`], ...path].join("/"));
  }));
  return results.every(({ status }) => status === "fulfilled");
}

/** Puts this very deno first, so that a test that runs `deno` gets the version it was started with. */
function pathWithThisDeno(): string {
  const folder = Deno.execPath().replace(/[\\/][^\\/]*$/, "");
  return [folder, Deno.env.get("PATH") ?? ""].join(Deno.build.os === "windows" ? ";" : ":");
}
