/**
 * Replaces what stands between `<!-- name: made by deno task docs -->` and `<!-- end of name -->` in a page.
 *
 * @throws Error where the page has no such section
 */
export function replaceSection(page: string, name: string, content: string): string {
  const begin = `<!-- ${name}: made by deno task docs -->\n`;
  const end = `<!-- end of ${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the page has no section between ${begin.trim()} and ${end}`);
  return `${page.slice(0, from)}${begin}\n${content.trim()}\n\n${page.slice(to)}`;
}

/** A Markdown table, its columns padded as `deno fmt` does. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |\n`;
  return line(header) + line(widths.map((width) => "-".repeat(width))) + rows.map(line).join("");
}
