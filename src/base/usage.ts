/** Token counts, as llama-server reported them; zeros where it reported nothing. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
}
