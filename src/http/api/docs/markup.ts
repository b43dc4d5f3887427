/** A piece of HTML that is safe to stand in a page. */
export interface Markup {
  readonly text: string;
}

/** HTML from a template: pieces of HTML go in as they are, everything else is escaped. */
export function markup(strings: TemplateStringsArray, ...values: readonly (string | Markup)[]): Markup {
  const parts = strings.map((string, i) => {
    const value = values[i] ?? "";
    return string + (typeof value === "string" ? escapeHtml(value) : value.text);
  });
  return { text: parts.join("") };
}

/** Pieces one after the other. */
export function join(pieces: readonly Markup[], between = ""): Markup {
  return { text: pieces.map((piece) => piece.text).join(escapeHtml(between)) };
}

/** Text in which `backticks` mark code. */
export function prose(text: string): Markup {
  return join(text.split("`").map((part, i) => i % 2 === 0 ? markup`${part}` : markup`<code>${part}</code>`));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => ESCAPES[c] as string);
}
