/** One instruction of a Containerfile, such as `COPY a b`. */
export interface Instruction {
  readonly name: string;
  readonly argument: string;
}

/** Reads a Containerfile into its stages, each from its FROM on. Knows no more of the format than ours uses. */
export function readStages(text: string): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const line of text.split("\n")) {
    const [, name, argument] = line.match(/^([A-Z]+) (.+)$/) ?? [];
    if (name === undefined || argument === undefined) continue;
    if (name === "FROM") stages.push([]);
    stages.at(-1)?.push({ name, argument });
  }
  return stages;
}
