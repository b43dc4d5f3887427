/** How often something is tried: a loaded machine may hold any one try up. */
export const TRIES = 5;

/** Runs something a few times; gives the ms that the fastest took, by its own measure. */
export async function fastest(run: () => Promise<number>): Promise<number> {
  let best = Infinity;
  for (let count = 0; count < TRIES; count++) best = Math.min(best, await run());
  return best;
}
