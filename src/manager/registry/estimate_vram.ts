import type { KnownModel } from "./known_model.ts";

/** What a model is counted as in the VRAM budget. */
export interface VramEstimate {
  /** MB (2^20 bytes), at least 1. */
  readonly mb: number;
  readonly source: "file" | "server" | "unknown";
}

const MB = 2 ** 20;
/** llama-server keeps keys and values as 16-bit floats unless it is told otherwise. */
const CACHE_BYTES_PER_ELEMENT = 2;

/** Weights plus KV cache; the cache only where both the file's header and the context length are known. */
export function estimateVram(model: KnownModel): VramEstimate {
  const weights = model.file?.sizeBytes ?? model.sizeBytes;
  if (weights === undefined) return { mb: 1, source: "unknown" };
  const cache = (model.file?.attention?.elementsPerToken ?? 0) * (model.contextLength ?? 0) * CACHE_BYTES_PER_ELEMENT;
  return {
    mb: Math.max(1, Math.ceil((weights + cache) / MB)),
    source: model.file === undefined ? "server" : "file",
  };
}
