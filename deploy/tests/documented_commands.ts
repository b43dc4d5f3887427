/** Commands of a page's ` ```sh ` blocks, in order, comments taken off; blocks marked ` ```sh not-run ` are left out. */
export function documentedCommands(markdown: string): string[] {
  const commands: string[] = [];
  for (const [, indent = "", block = ""] of markdown.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)) {
    const text = block.replaceAll(new RegExp(`^${indent}`, "gm"), "").replaceAll("\\\n", "");
    for (const line of text.split("\n")) {
      const command = line.replace(/(^|\s)#.*$/, "").trim();
      if (command !== "") commands.push(command);
    }
  }
  return commands;
}
