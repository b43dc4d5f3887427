/** How often a condition of another process is looked at, in ms. */
const INTERVAL = 5;

/**
 * Waits for something in another process that announces nothing; gives the ms it took.
 *
 * @throws Error that names it, after `timeout` ms.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeout = 10_000,
): Promise<number> {
  const start = performance.now();
  while (!await holds()) {
    if (performance.now() - start > timeout) throw new Error(`after ${timeout} ms still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
  return performance.now() - start;
}
