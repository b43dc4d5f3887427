/**
 * `deno task dev`: modeld with a llama-server behind it, on any machine, starting anew on every change. Takes modeld's own
 * flags and variables; with `--llama-url` or `LLAMA_URL` it uses that server and starts none.
 */
import { type Address, formatAddress, reachableAddress } from "../../src/config/address.ts";
import { readArguments } from "../../src/config/arguments.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { type Configuration, loadConfiguration } from "../../src/config/load.ts";
import { ConfigurationError } from "../../src/config/problem.ts";
import { STOP_SIGNALS } from "../run_forwarding_signals.ts";
import { curlLine } from "./curl_line.ts";
import { WatchedModeld } from "./modeld.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

const tell = (text: string) => console.log(`dev: ${text}`);

Deno.exit(await dev());

async function dev(): Promise<number> {
  const configuration = await readConfiguration();
  if (configuration === undefined) return 2;
  const { settings, servers } = configuration;
  const stop = Promise.withResolvers<void>();
  let isStopping = false;
  // A terminal that is closed sends SIGHUP, at which modeld itself would only read its configuration again.
  const hangUp: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGHUP"];
  for (const signal of [...STOP_SIGNALS, ...hangUp]) {
    Deno.addSignalListener(signal, () => {
      isStopping = true;
      stop.resolve();
    });
  }

  let addr: Address;
  let upstream: Upstream | undefined;
  try {
    addr = usableAddress(settings.addr);
    if (servers.length === 0) upstream = await startUpstream();
  } catch (error) {
    // The address is in use, or LLAMA_SERVER_BIN or LLAMA_MODEL names what does not work; the message says so.
    if (!(error instanceof Error)) throw error;
    // Ctrl-C ends a llama-server that still loads as well; that is no problem.
    if (isStopping) return 0;
    tell(error.message);
    return 1;
  }
  tell(upstream?.description ?? `using the llama-server at ${servers.map(({ url }) => url).join(", ")}`);
  try {
    await runModeld(addr, upstream, stop.promise);
  } finally {
    await upstream?.stop();
  }
  return 0;
}

async function runModeld(addr: Address, upstream: Upstream | undefined, stop: Promise<void>): Promise<void> {
  const url = `http://${formatAddress(reachableAddress(addr))}`;
  const args = [...Deno.args, "--addr", formatAddress(addr)];
  if (upstream !== undefined) args.push("--llama-url", upstream.url.href);
  const modeld = new WatchedModeld(url, args);
  try {
    const shown = modeld.ready((state) => tell(`modeld is not ready yet: ${state}`)).then(async (ready) => {
      if (!ready) return;
      tell(`ready. It starts anew when a file changes; Ctrl-C ends it. The page is at ${url}/. Try:`);
      console.log(`\n${await curlLine(url)}\n`);
    });
    await Promise.race([stop, modeld.ended(), shown.then(() => stop)]);
  } finally {
    await modeld.stop();
  }
}

/**
 * The address with a real port, which modeld keeps however often it starts anew.
 *
 * @throws Error where another program listens there: that one would be taken for modeld.
 */
function usableAddress(addr: Address): Address {
  try {
    using listener = Deno.listen(addr);
    return { hostname: addr.hostname, port: listener.addr.port };
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new Error(`another program listens at ${formatAddress(addr)}: choose another address with --addr`);
  }
}

/** Reads the configuration as modeld will, so that both know the same address. */
async function readConfiguration(): Promise<Configuration | undefined> {
  try {
    return await loadConfiguration(readArguments(Deno.args), readEnvironment());
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    console.error(error.message);
    return undefined;
  }
}
