/** A duration in ms in few characters, for terminals: `27ms`, `1.04s`, `12.3s`, `3m05s`. */
export function brief(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 9_995) return `${(ms / 1_000).toFixed(2)}s`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, "0")}s`;
}

/** What a model is called where there is little room: of a path to a file, the file's name. */
export function shortName(model: string): string {
  return model.endsWith(".gguf") ? model.replace(/^.*\//, "").replace(/\.gguf$/, "") : model;
}
