/** What a model can be called by. */
export interface NamedModel {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly path?: string | undefined;
}

/** Which model a name means. */
export type Resolution<M extends NamedModel> =
  | { readonly kind: "found"; readonly model: M }
  | { readonly kind: "unknown" }
  | { readonly kind: "ambiguous"; readonly candidates: readonly M[] };

/**
 * Finds the model that a name means: by id, else by alias, else by file name, with or without `.gguf` and with or without
 * the folders before it. A closer match wins; two models that match equally well are ambiguous.
 */
export function resolveModel<M extends NamedModel>(name: string, models: Iterable<M>): Resolution<M> {
  const all = [...models];
  const fileName = stem(name);
  const rules: readonly ((model: M) => boolean)[] = [
    (model) => model.id === name,
    (model) => model.aliases.includes(name),
    (model) => model.path !== undefined && stem(model.path) === fileName,
    (model) => stem(model.id) === fileName || model.aliases.some((alias) => stem(alias) === fileName),
  ];
  for (const matches of rules) {
    const candidates = all.filter(matches);
    const [first, second] = candidates;
    if (second !== undefined) return { kind: "ambiguous", candidates };
    if (first !== undefined) return { kind: "found", model: first };
  }
  return { kind: "unknown" };
}

/** The file name of a path, on any system, without its `.gguf`. */
export function stem(path: string): string {
  const file = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  return file.toLowerCase().endsWith(".gguf") ? file.slice(0, -".gguf".length) : file;
}

/** The model that a name means, where it is one of the aliases; else the name itself. */
export function aliased(name: string | undefined, aliases: Readonly<Record<string, string>>): string | undefined {
  return name !== undefined && Object.hasOwn(aliases, name) ? aliases[name] : name;
}
