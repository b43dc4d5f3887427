/** The systems that releases are made for, in Deno's words for `compile --target`. */
export const targets = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;

/** One of them. */
export type Target = typeof targets[number];

/** What the archive for a system is called, and what the executable in it. */
export function namesFor(target: Target): { archive: string; executable: string } {
  return target.includes("windows")
    ? { archive: `modeld-${target}.zip`, executable: "modeld.exe" }
    : { archive: `modeld-${target}.tar.gz`, executable: "modeld" };
}
