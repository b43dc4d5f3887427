import type { ServerModel } from "../llama/llama_server.ts";

/** The shape of a model's attention, which decides the size of its KV cache. */
export interface AttentionShape {
  /** Key and value elements that one token takes in all layers together. */
  readonly elementsPerToken: number;
}

/** What a model's file says, where it is at hand. */
export interface FileFacts {
  /** All of its parts together. */
  readonly sizeBytes: number;
  /** As llama.cpp names it: `Q4_K_M`. */
  readonly quantization?: string;
  /** `general.architecture`: `llama`, `qwen3`. */
  readonly family?: string;
  readonly attention?: AttentionShape;
}

/** A model of the server's list, with what its file adds. */
export interface KnownModel extends ServerModel {
  readonly file?: FileFacts;
}

/** What a model is counted as in the VRAM budget. */
export interface VramEstimate {
  /** MB (2^20 bytes), at least 1. */
  readonly mb: number;
  readonly source: "file" | "server" | "unknown";
}

const MB = 2 ** 20;
/** llama-server keeps keys and values as 16-bit floats unless it is started with other types. */
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
