/** Bounds of a wait between tries, in ms. */
export interface BackOffBounds {
  readonly first: number;
  readonly longest: number;
}

/**
 * How long to wait after a number of failures in a row, in ms: doubles each time, with up to a quarter of jitter, so that
 * many who wait for the same thing do not come back at once.
 */
export function backOff(bounds: BackOffBounds, failures: number, random: () => number): number {
  const wait = Math.min(bounds.longest, bounds.first * 2 ** (failures - 1));
  return wait * (1 + random() / 4);
}
