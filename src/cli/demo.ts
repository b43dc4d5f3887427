import { formatAddress } from "../config/address.ts";
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
  const url = `http://${formatAddress(settings.addr)}`;
  print(`modeld demo: the model "${storyModel}" tells little stories; modeld runs it itself, for trying only.
For any other model start llama-server, and modeld with --llama-url. In another terminal:

  curl -N ${url}/infer -H 'Content-Type: application/json' -d '{"prompt":"Once upon a time"}'

`);
  try {
    const { href } = engine.url;
    const { vramBudgetMb, vramMarginMb } = settings;
    const server = { name: "demo", url: href, apiKey: undefined, caCerts: [], vramBudgetMb, vramMarginMb };
    return await serve({ ...configuration, servers: [server], settings: { ...settings, llamaUrl: [href] } });
  } finally {
    await engine.stop();
  }
}
