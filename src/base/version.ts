import manifest from "../../deno.json" with { type: "json" };

/** modeld's own version, as deno.json has it. */
export const version: string = manifest.version;
