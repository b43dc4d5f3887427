import { assertEquals } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { commands } from "../../src/config/help.ts";
import type { Setting } from "../../src/config/setting.ts";
import { settingsTable } from "../../src/config/settings_table.ts";
import { errorTable } from "../../src/http/error_table.ts";

const SETTINGS: readonly Setting<unknown>[] = Object.values(settingsTable);
const FLAGS = new Set(SETTINGS.map(({ flag }) => flag));
const VARIABLES = new Set(SETTINGS.flatMap(({ variables }) => variables));

const ROOT = new URL("../../", import.meta.url);

async function* pages(folder = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(new URL(folder, ROOT))) {
    if (isFile && name.endsWith(".md")) yield folder + name;
    if (isDirectory && isRead(folder + name)) yield* pages(`${folder}${name}/`);
  }
}

/** Whether the folder holds pages: all of docs/, and the pages that lie beside what they describe. */
function isRead(folder: string): boolean {
  return folder.startsWith("docs") || ["bench", "tests", "tests/faults"].includes(folder);
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

Deno.test("every metric that an alert or the dashboard asks for is in the table of docs/metrics.md", async () => {
  const table = texts.get("docs/metrics.md") ?? "";
  const unknownMetrics: string[] = [];
  for (const path of ["deploy/prometheus/alerts.yml", "deploy/grafana/modeld.json"]) {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    for (const [name] of text.matchAll(/\bmodeld_\w+?(?=(?:_bucket|_sum|_count)?\b)/g)) {
      if (!table.includes(`\n| \`${name}\` `)) unknownMetrics.push(`${path}: ${name}`);
    }
  }
  assertEquals(unknownMetrics, []);
});

Deno.test("every alert has a paragraph in docs/operations.md that says what to do, and none is for an alert that is gone", async () => {
  const alerts = await Deno.readTextFile(new URL("deploy/prometheus/alerts.yml", ROOT));
  const names = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name).sort();
  const explained = names(texts.get("docs/operations.md") ?? "", /\*\*(Modeld\w+)\.?\*\*/g);
  assertEquals(explained, names(alerts, /- alert: (\w+)/g));
});

Deno.test("every variable of modeld's that a page names is one that a setting reads", () => {
  // These are read by the tools and tests, as CONTRIBUTING.md says.
  const ofTools = ["LLAMA_SERVER_BIN", "LLAMA_MODEL", "MODELD_STD", "MODELD_BIN", "MODELD_RELEASES", "MODELD_TO"];
  const isKnown = (name: string) => VARIABLES.has(name) || ofTools.includes(name);
  assertEquals(unknown(/\b((?:MODELD|LLAMA)_[A-Z][A-Z_]*[A-Z])\b(?!\*)/g, isKnown), []);
});

Deno.test("every command of modeld's that a page names exists", () => {
  const isKnown = (word: string) => Object.hasOwn(commands, word);
  assertEquals(unknown(/(?:`|^ {4}|^\$ )modeld ([a-z]+)(?=[ `\n])/gm, isKnown), []);
});

Deno.test("every type of error that a page names behind its status is one, with that status", () => {
  const wrong = unknown(/\b([45]\d\d `[a-z_]+`)/g, (found) => {
    const [status = "", kind = ""] = found.replaceAll("`", "").split(" ");
    if (!Object.hasOwn(errorTable, kind)) return ["loading", "unreachable", "draining"].includes(kind);
    return String(errorTable[kind as keyof typeof errorTable].status) === status;
  });
  assertEquals(wrong, []);
});
