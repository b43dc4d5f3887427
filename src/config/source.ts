/** Where a value came from. The order is the precedence, lowest first. */
export type Source =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly path: string; readonly key: string }
  | { readonly from: "variable"; readonly name: string }
  | { readonly from: "flag"; readonly name: string };

/** A source in words: `variable MODELD_ADDR`, `key addr of modeld.yaml`. */
export function describeSource(source: Source): string {
  switch (source.from) {
    case "default":
      return "default";
    case "file":
      return `key ${source.key} of ${source.path}`;
    default:
      return `${source.from} ${source.name}`;
  }
}
