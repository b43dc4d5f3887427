import type { ServerModel } from "../../llama/adapter.ts";

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
