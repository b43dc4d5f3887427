import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { descriptionRoutes } from "../../../../src/http/api/docs/description_routes.ts";
import { docsPage } from "../../../../src/http/api/docs/docs_page.ts";
import { openApiDocument } from "../../../../src/http/api/docs/openapi.ts";
import { withServer } from "../../with_server.ts";

const document = openApiDocument("1.2.3");

Deno.test("the page shows every path, every schema and every kind of error", () => {
  const page = docsPage(document);
  for (const path of Object.keys(document.paths)) assertStringIncludes(page, `<code>${path}</code>`);
  for (const name of Object.keys(document.components["schemas"] ?? {})) {
    assertStringIncludes(page, `id="schema-${name}"`);
  }
  for (const kind of ["invalid_request", "truncated", "insufficient_vram"]) assertStringIncludes(page, kind);
});

Deno.test("the page asks nobody for anything: no script, no style sheet, no image, no font", () => {
  const page = docsPage(document);
  assertEquals(page.match(/<(script|link|img|iframe|object)\b|@import|url\(|\bsrc=/g), null);
  const targets = Array.from(page.matchAll(/href="([^"]*)"/g), ([, target]) => target ?? "");
  assert(targets.length > 10);
  assertEquals(targets.filter((target) => !target.startsWith("#") && target !== "openapi.json"), []);
});

Deno.test("every link inside the page leads somewhere", () => {
  const page = docsPage(document);
  const ids = new Set(Array.from(page.matchAll(/ id="([^"]*)"/g), ([, id]) => id));
  const links = Array.from(page.matchAll(/href="#([^"]*)"/g), ([, target]) => target);
  assertEquals(links.filter((target) => !ids.has(target)), []);
});

Deno.test("what the description says cannot become markup", () => {
  const hostile = structuredClone(document) as { info: { title: string; description?: unknown } };
  hostile.info.title = `<script>alert("1")</script>`;
  assertStringIncludes(docsPage(hostile as typeof document), "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;");
});

Deno.test("the page is served as HTML that may load nothing", async () => {
  await withServer(async ({ url }) => {
    const reply = await fetch(`${url}/docs`);
    assertEquals(reply.status, 200);
    assertEquals(reply.headers.get("content-type"), "text/html; charset=utf-8");
    assertStringIncludes(reply.headers.get("content-security-policy") ?? "", "default-src 'none'");
    assertEquals(await reply.text(), docsPage(document));
  }, { routes: descriptionRoutes("1.2.3") });
});
