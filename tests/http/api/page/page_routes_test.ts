import { assert, assertEquals, assertMatch } from "@std/assert";
import { digestKey, plainClient } from "../../../../src/base/client.ts";
import { pageFiles } from "../../../../src/http/api/page/page_files.ts";
import { withServer } from "../../with_server.ts";

const KEYS = { clients: [plainClient("one", [await digestKey("sk-one")])] };

/** Everything that the page loads of its own, by its path. */
const PATHS = ["/", ...Object.keys(pageFiles).filter((name) => name !== "page.html").map((name) => `/page/${name}`)];

/** The sources of a content security policy, by directive. */
function policy(reply: Response): Record<string, string[]> {
  const text = reply.headers.get("content-security-policy") ?? "";
  return Object.fromEntries(
    text.split(";").map((directive) => {
      const [name = "", ...sources] = directive.trim().split(" ");
      return [name, sources];
    }),
  );
}

Deno.test("the page and its files are served without a key, each under a policy without inline script or other hosts", () =>
  withServer(async ({ url }) => {
    for (const path of PATHS) {
      const reply = await fetch(url + path);
      assertEquals([path, reply.status], [path, 200]);
      await reply.body?.cancel();
      const sources = policy(reply);
      assertEquals(sources["default-src"], ["'none'"]);
      assertEquals(sources["script-src"], ["'self'"]);
      assertEquals(sources["connect-src"], ["'self'"]);
      for (const name of ["base-uri", "form-action", "frame-ancestors"]) assertEquals(sources[name], ["'none'"]);
      const all = Object.values(sources).flat();
      assertEquals(all.filter((source) => !["'none'", "'self'", "data:"].includes(source)), []);
      assertEquals(reply.headers.get("x-content-type-options"), "nosniff");
    }
  }, KEYS));

Deno.test("the page needs nothing that its policy forbids: no inline script or style, no handler, no other host", () => {
  const { "page.html": html, "uplot.js": _, "uplot.css": __, ...own } = pageFiles;
  assertEquals(html.match(/<script(?![^>]*\ssrc=)[^>]*>/g), null);
  assertEquals(html.match(/<style|\sstyle=|\son[a-z]+=/g), null);
  const loaded = [...html.matchAll(/\s(?:src|href)="([^"#][^"]*)"/g)].map(([, path]) => path ?? "");
  assertEquals(loaded.filter((path) => !/^(page\/[\w.-]+|docs|data:,)$/.test(path)), []);
  for (const path of loaded) if (path.startsWith("page/")) assert(PATHS.includes(`/${path}`), path);
  for (const [name, text] of Object.entries(own)) {
    assertEquals([name, text.match(/\b(?:eval|Function)\(|innerHTML|insertAdjacentHTML|document\.write/g)], [
      name,
      null,
    ]);
    if (name.endsWith(".css")) assertEquals(text.match(/@import|url\(/g), null);
  }
});

Deno.test("each file has its media type, and asks to be loaded anew from a new modeld", () =>
  withServer(async ({ url }) => {
    for (const path of PATHS) {
      const reply = await fetch(url + path, { method: "HEAD" });
      const type = path === "/" ? "html" : path.endsWith(".css") ? "css" : "javascript";
      assertMatch(reply.headers.get("content-type") ?? "", new RegExp(`^text/${type}; charset=utf-8$`));
      assertEquals(reply.headers.get("cache-control"), "no-cache");
      await reply.body?.cancel();
    }
  }));

Deno.test("the page says whether a key is needed, and nothing else of modeld", async () => {
  const page = async (options: Parameters<typeof withServer>[1]) => {
    let text = "";
    await withServer(async ({ url }) => void (text = await (await fetch(url)).text()), options);
    return text;
  };
  const [asked, none] = [await page(KEYS), await page({})];
  assert(asked.includes('data-keys="asked"') && none.includes('data-keys="none"'));
  assertEquals(asked.replace('data-keys="asked"', 'data-keys="none"'), none);
  assertEquals(none, pageFiles["page.html"]);
});
