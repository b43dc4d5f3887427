import { type Address, formatAddress } from "../config/address.ts";
import { createDirectHttpClient } from "../llama/connection/direct_http_client.ts";
import { print, printProblem } from "./print.ts";

/** How long the daemon has to answer, in ms: less than what container engines give a health check. */
const deadline = 3_000;

/** Asks the modeld at this address whether it is ready; the exit code is 0 if it is, 1 if not. */
export async function health(addr: Address): Promise<number> {
  const url = new URL(`http://${formatAddress(reachableAddress(addr))}/readyz`);
  const client = createDirectHttpClient(url, {});
  try {
    const response = await fetch(url, { client, signal: AbortSignal.timeout(deadline) });
    const answer = (await response.text()).trim();
    if (response.ok) return print(`${answer}\n`);
    printProblem(answer);
    return 1;
  } catch (error) {
    printProblem(`no answer from ${url}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    client.close();
  }
}

/** An address that means every interface cannot be asked; this machine's own can. */
function reachableAddress({ hostname, port }: Address): Address {
  if (hostname === "0.0.0.0") return { hostname: "127.0.0.1", port };
  return hostname === "::" ? { hostname: "::1", port } : { hostname, port };
}
