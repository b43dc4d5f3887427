/**
 * Writes the software bill of materials of the executable, CycloneDX 1.6, to stdout:
 * `deno info --json main.ts | deno run tools/release/sbom.ts TAG`. It lists what main.ts really reaches, not everything in the
 * lock file.
 */
import project from "../../deno.json" with { type: "json" };
import { billOfMaterials, type LockFile, type ModuleGraph } from "./bill_of_materials.ts";

const [tag = ""] = Deno.args;
const lock: LockFile = JSON.parse(await Deno.readTextFile(new URL("../../deno.lock", import.meta.url)));
const graph: ModuleGraph = await new Response(Deno.stdin.readable).json();
console.log(JSON.stringify(billOfMaterials({ ...project, version: tag.replace(/^v/, "") }, graph, lock), null, 2));
