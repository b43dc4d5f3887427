import { type Address, formatAddress, reachableAddress } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import { loadEngine } from "../demo/generation.ts";
import { serveEngine } from "../demo/server.ts";
import { readStoryModel, storyModel } from "../demo/story_model.ts";
import { print } from "./print.ts";
import { serve } from "./serve.ts";

/**
 * Serves a little model that modeld brings along, with the rest of the configuration as it is. Resolves with the exit code.
 */
export async function demo(configuration: Configuration): Promise<number> {
  const engine = serveEngine(loadEngine(await readStoryModel()));
  const { settings } = configuration;
  const { href } = engine.url;
  const { vramBudgetMb, vramMarginMb } = settings;
  const server = { name: "demo", url: href, apiKey: undefined, caCerts: [], vramBudgetMb, vramMarginMb };
  const demoSettings = { ...settings, llamaUrl: [href], defaultModel: undefined };
  try {
    return await serve({ ...configuration, servers: [server], settings: demoSettings }, {
      onListening: (address) => print(greeting(configuration, address)),
    });
  } finally {
    await engine.stop();
  }
}

/** What to do with the demo that listens at `address`, and what of the configuration it leaves out. */
function greeting({ servers, settings, clients, tls }: Configuration, address: Address): string {
  const unused = [
    ...servers.map(({ url }) => `the llama-server at ${url}`),
    ...settings.defaultModel === undefined ? [] : [`the default model ${settings.defaultModel}`],
  ];
  const url = `${tls === undefined ? "http" : "https"}://${formatAddress(reachableAddress(address))}`;
  const key = clients.length === 0 ? "" : " -H 'Authorization: Bearer YOUR_KEY'";
  return `modeld demo: modeld itself runs "${storyModel}", a small model that tells stories. It is for trying only.
${unused.length === 0 ? "" : `It does not use ${unused.join(" or ")}: for that start modeld without the word demo.\n`}\
The page is at ${url}/. In another terminal:

  curl -N ${url}/infer${key} -H 'Content-Type: application/json' -d '{"prompt":"Once upon a time"}'

For another model start llama-server with it, and modeld with --llama-url.

`;
}
