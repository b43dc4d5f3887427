import type { Configuration } from "../config/load.ts";
import type { InferenceAdapter } from "../llama/adapter.ts";
import { createLlamaAdapter } from "../llama/llama_adapter.ts";

/** The way to the configured llama-server; none where none is configured. */
export function connect({ settings, llamaCaCerts }: Configuration): InferenceAdapter | undefined {
  if (settings.llamaUrl === undefined) return undefined;
  return createLlamaAdapter({
    url: new URL(settings.llamaUrl),
    ...(settings.llamaApiKey === undefined ? {} : { apiKey: settings.llamaApiKey }),
    timeout: settings.llamaTimeout,
    connectTimeout: settings.llamaConnectTimeout,
    firstTokenTimeout: settings.llamaFirstTokenTimeout,
    idleTimeout: settings.llamaIdleTimeout,
    useOpenai: settings.llamaUseOpenai,
    chat: settings.llamaChat,
    caCerts: llamaCaCerts,
  });
}
