/**
 * `deno task dev`: modeld with a llama-server behind it, on any machine, starting anew on every change. Takes modeld's own
 * flags and variables; with `--llama-url` or `LLAMA_URL` it uses that server and starts none.
 */
import { type Address, formatAddress, reachableAddress } from "../../src/config/address.ts";
import { readArguments } from "../../src/config/arguments.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { type Configuration, loadConfiguration } from "../../src/config/load.ts";
import { ConfigurationError } from "../../src/config/problem.ts";
import type { Settings } from "../../src/config/settings_table.ts";
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
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, () => stop.resolve());

  let upstream: Upstream | undefined;
  try {
    if (servers.length === 0) upstream = await startUpstream();
  } catch (error) {
    // LLAMA_SERVER_BIN or LLAMA_MODEL names what does not work; the message says so, and how to go on.
    if (!(error instanceof Error)) throw error;
    tell(error.message);
    return 1;
  }
  tell(upstream?.description ?? `using the llama-server at ${servers.map(({ url }) => url).join(", ")}`);
  try {
    await runModeld(settings, upstream, stop.promise);
  } finally {
    await upstream?.stop();
  }
  return 0;
}

async function runModeld(settings: Settings, upstream: Upstream | undefined, stop: Promise<void>): Promise<void> {
  // A free port is chosen here: modeld keeps it however often it starts anew.
  const addr = settings.addr.port === 0 ? freeAddress(settings.addr) : settings.addr;
  const url = `http://${formatAddress(reachableAddress(addr))}`;
  const args = [...Deno.args, "--addr", formatAddress(addr)];
  if (upstream !== undefined) args.push("--llama-url", upstream.url.href);
  const modeld = new WatchedModeld(url, args);
  try {
    const shown = modeld.ready((state) => tell(`modeld is not ready yet: ${state}`)).then(async (ready) => {
      if (ready) tell(`ready; it starts anew when a file changes, Ctrl-C ends it. Try:\n\n${await curlLine(url)}\n`);
    });
    await Promise.race([stop, modeld.ended(), shown.then(() => stop)]);
  } finally {
    await modeld.stop();
  }
}

function freeAddress({ hostname }: Address): Address {
  using listener = Deno.listen({ hostname, port: 0 });
  return { hostname, port: listener.addr.port };
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
