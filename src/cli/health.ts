import { type Address, formatAddress, reachableAddress } from "../config/address.ts";
import { createDirectHttpClient } from "../llama/connection/http_client.ts";
import { onOneLine, print, printProblem } from "./print.ts";

/** How long the daemon has to answer, in ms: less than what container engines give a health check. */
const deadline = 3_000;

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** Asks the modeld at this address whether it is ready; the exit code is 0 if it is, 1 if not. */
export async function health(addr: Address, overTls: boolean): Promise<number> {
  const reachable = reachableAddress(addr);
  const url = new URL(`${overTls ? "https" : "http"}://${formatAddress(reachable)}/readyz`);
  try {
    const signal = AbortSignal.timeout(deadline);
    const { ok, text } = overTls ? await askOverTls(url, reachable, signal) : await ask(url, signal);
    if (ok) return print(`${onOneLine(text)}\n`);
    printProblem(text);
    return 1;
  } catch (error) {
    printProblem(`no answer from ${url}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

async function ask(url: URL, signal: AbortSignal): Promise<Answer> {
  const client = createDirectHttpClient(url, {});
  try {
    const response = await fetch(url, { client, signal });
    return { ok: response.ok, text: (await response.text()).trim() };
  } finally {
    client.close();
  }
}

/**
 * The same over TLS, whatever the certificate: it names the host that clients use, not this machine's own address, and may
 * be signed by an authority that only they know. No secret is sent, and nothing but `ready` is believed. Deno's own
 * clients cannot leave the check out; Node's can.
 */
async function askOverTls(url: URL, { hostname, port }: Address, signal: AbortSignal): Promise<Answer> {
  const { connect } = await import("node:tls");
  const reply = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: hostname, port, rejectUnauthorized: false, ca: [] });
    let received = "";
    signal.addEventListener("abort", () => socket.destroy(signal.reason));
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => received += text);
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
    socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`);
  });
  const [head = "", text = ""] = reply.split("\r\n\r\n", 2);
  return { ok: /^HTTP\/1\.1 200 /.test(head), text: text.trim() };
}
