import { version } from "../base/version.ts";

/** What `--version` prints. */
export function versions(): string {
  return `modeld ${version}\ndeno ${Deno.version.deno}\nv8 ${Deno.version.v8}\n`;
}
