import manifest from "../../deno.json" with { type: "json" };

/** modeld's own version, as deno.json has it. */
export const version: string = manifest.version;

/** What `--version` prints. */
export function versions(): string {
  return `modeld ${version}\ndeno ${Deno.version.deno}\nv8 ${Deno.version.v8}\n`;
}
