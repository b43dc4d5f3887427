/** The model that a name means, where it is one of the aliases; else the name itself. */
export function aliased(name: string | undefined, aliases: Readonly<Record<string, string>>): string | undefined {
  return name !== undefined && Object.hasOwn(aliases, name) ? aliases[name] : name;
}
