import { type Target, targets } from "./targets.ts";

/**
 * The target of this very machine.
 *
 * @throws Error where no release is made for it
 */
export function hostTarget(): Target {
  const { arch, os } = Deno.build;
  const found = targets.find((target) => target.startsWith(arch) && target.includes(os));
  if (found === undefined) throw new Error(`no release is made for ${arch} ${os}: see tools/release/targets.ts`);
  return found;
}
