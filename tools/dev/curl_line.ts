import type { ModelInfo } from "../../src/dispatch/fleet.ts";

/** One line for a shell that streams tokens from the modeld at `url`. */
export async function curlLine(url: string): Promise<string> {
  const response = await fetch(`${url}/models`);
  const { models }: { models: ModelInfo[] } = response.ok ? await response.json() : { models: [] };
  // With several models and no default, a request has to name one.
  const model = models.length > 1 ? { model: models[0]?.id } : {};
  const body = JSON.stringify({ ...model, prompt: "Once upon a time", max_tokens: 32 });
  return `  curl -N ${url}/infer -H 'Content-Type: application/json' -d '${body.replaceAll("'", `'\\''`)}'`;
}
