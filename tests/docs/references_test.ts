import { assertEquals } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { settingsTable } from "../../src/config/settings_table.ts";

const FLAGS = new Set(Object.values(settingsTable).map((setting) => "flag" in setting ? setting.flag : undefined));

const ROOT = new URL("../../", import.meta.url);

async function* pages(folder = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(new URL(folder, ROOT))) {
    if (isFile && name.endsWith(".md")) yield folder + name;
    if (isDirectory && (folder + name).startsWith("docs")) yield* pages(`${folder}${name}/`);
  }
}

const texts = new Map<string, string>();
for await (const page of pages()) texts.set(page, await Deno.readTextFile(new URL(page, ROOT)));

/** Every match of the pattern's first group on every page, as `page: match`, that `isKnown` does not know. */
function unknown(pattern: RegExp, isKnown: (found: string, page: string) => boolean): string[] {
  return [...texts].flatMap(([page, text]) =>
    [...text.matchAll(pattern)].map((match) => match[1] ?? "").filter((found) => !isKnown(found, page))
      .map((found) => `${page}: ${found}`)
  );
}

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("every file that a page links to exists", () => {
  const broken = unknown(/\]\((?!https?:)([^)#]+)[^)]*\)/g, (link, page) => exists(new URL(link, new URL(page, ROOT))));
  assertEquals(broken, []);
});

Deno.test("every file of the project that a page names exists", () => {
  const missing = unknown(
    /`((?:src|tests|e2e|bench|tools|deploy|docs|\.ci|\.github)\/[\w./-]*)`/g,
    (path) => exists(new URL(path, ROOT)),
  );
  assertEquals(missing, []);
});

Deno.test("every task that a page names exists", () => {
  assertEquals(unknown(/\bdeno(?:@[\d.]+)? task (?:-q )?([a-z][a-z0-9:]*)/g, (name) => name in project.tasks), []);
});

Deno.test("every flag of modeld's that a page names exists", () => {
  const areas =
    "addr|api|body|config|cors|default|drain|events|idle|infer|llama|log|max|models|preflight|shutdown|vram|write";
  const flag = new RegExp(`(?:\`|\\bmodeld )(--(?:${areas})(?:-[a-z-]+)?)\\b`, "g");
  assertEquals(unknown(flag, (name) => FLAGS.has(name)), []);
});

Deno.test("every heading that a link names exists", () => {
  const headings = (page: string) =>
    [...(texts.get(page) ?? "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    );
  const broken = unknown(/\]\((?!https?:)([^)\s]*#[^)\s]+)\)/g, (link, page) => {
    const [target = "", anchor = ""] = new URL(link, new URL(page, ROOT)).href.slice(ROOT.href.length).split("#");
    return headings(target).includes(anchor);
  });
  assertEquals(broken, []);
});

Deno.test("every metric that a page names is in the table of docs/metrics.md", () => {
  const table = texts.get("docs/metrics.md") ?? "";
  assertEquals(unknown(/`(modeld_\w+)/g, (name) => table.includes(`\n| \`${name}\` `)), []);
});
