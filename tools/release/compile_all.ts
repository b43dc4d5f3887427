/**
 * Makes everything that a release consists of, in dist/release: an archive for each system, the bill of materials,
 * install.sh and SHA256SUMS.
 *
 *     deno task deno run -P=release tools/release/compile_all.ts --tag v1.2.3 \
 *       --releases https://HOST/OWNER/modeld/releases [--target x86_64-unknown-linux-gnu]
 *
 * Without --target, for all systems: that needs dl.deno.land, where Deno keeps its runtimes.
 */
import { parseArgs } from "@std/cli/parse-args";
import project from "../../deno.json" with { type: "json" };
import { billOfMaterials } from "./bill_of_materials.ts";
import { runTool } from "./run_tool.ts";
import { namesFor, type Target, targets } from "./targets.ts";

const RELEASE = "dist/release";
const EXTRAS = ["README.md", "LICENSE", "CHANGELOG.md", "docs/config-examples"];
const SHELLS = ["bash", "zsh", "fish"];

const options = parseArgs(Deno.args, { string: ["tag", "releases", "target"] });
if (options.tag !== `v${project.version}`) {
  fail(`--tag ${options.tag} is not the version in deno.json, v${project.version}: change one of the two`);
}
if (options.releases === undefined) fail("--releases is missing: the address of the repository's releases page");
const chosen = options.target === undefined ? targets : targets.filter((target) => target === options.target);
if (chosen.length === 0) fail(`--target ${options.target} is none of ${targets.join(", ")}`);

await Deno.remove(RELEASE, { recursive: true }).catch((error) => {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
});
const common = `${RELEASE}/common`;
await gatherCommonFiles();
for (const target of chosen) await archive(target);
await Deno.remove(common, { recursive: true });
await writeBillOfMaterials();
await writeInstallScript(options.releases);
await writeChecksums();

/** What every archive holds beside the executable. */
async function gatherCommonFiles(): Promise<void> {
  await Deno.mkdir(`${common}/completions`, { recursive: true });
  await runTool("cp", ["-r", ...EXTRAS, common]);
  for (const shell of SHELLS) {
    const script = await runTool("deno", ["task", "-q", "start", "completions", shell]);
    await Deno.writeTextFile(`${common}/completions/modeld.${shell}`, script);
  }
}

async function archive(target: Target): Promise<void> {
  const { archive, executable } = namesFor(target);
  const folder = `${RELEASE}/${target}`;
  await runTool("cp", ["-r", common, folder]);
  const output = `${folder}/${executable}`;
  await runTool("deno", ["task", "-q", "compile", "--target", target, "--output", output]);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  if (archive.endsWith(".zip")) await runTool("zip", ["-q", "-r", `../${archive}`, ...names], folder);
  else await runTool("tar", ["-czf", `../${archive}`, "--owner=0", "--group=0", ...names], folder);
  await Deno.remove(folder, { recursive: true });
  console.log(`${RELEASE}/${archive}`);
}

async function writeBillOfMaterials(): Promise<void> {
  const graph = JSON.parse(await runTool("deno", ["task", "-q", "deno", "info", "--json", "main.ts"]));
  const lock = JSON.parse(await Deno.readTextFile("deno.lock"));
  await Deno.writeTextFile(
    `${RELEASE}/modeld.cdx.json`,
    JSON.stringify(billOfMaterials(project, graph, lock), null, 2),
  );
}

async function writeInstallScript(releases: string): Promise<void> {
  const script = await Deno.readTextFile("deploy/install.sh");
  await Deno.writeTextFile(`${RELEASE}/install.sh`, script.replace("@RELEASES_URL@", releases), { mode: 0o755 });
}

async function writeChecksums(): Promise<void> {
  const names = [...Deno.readDirSync(RELEASE)].map(({ name }) => name).sort();
  const lines = names.map(async (name) => {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${RELEASE}/${name}`));
    return `${new Uint8Array(digest).toHex()}  ${name}\n`;
  });
  await Deno.writeTextFile(`${RELEASE}/SHA256SUMS`, (await Promise.all(lines)).join(""));
}

function fail(message: string): never {
  console.error(`compile_all: ${message}`);
  Deno.exit(2);
}
