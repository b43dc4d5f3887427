import type { Route } from "../../route.ts";

/** The names of the files, each with its media type. */
const FILES = {
  "page.html": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "dom.js": "text/javascript; charset=utf-8",
  "plots.js": "text/javascript; charset=utf-8",
  "playground.js": "text/javascript; charset=utf-8",
  "uplot.js": "text/javascript; charset=utf-8",
  "uplot.css": "text/css; charset=utf-8",
} as const;

/** The name of a file of the page. */
export type PageFile = keyof typeof FILES;

const HEADERS = {
  "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  // A new modeld brings a new page.
  "Cache-Control": "no-cache",
};

/**
 * The page, `GET /`, and its files. They are served without a key and hold nothing: what the page shows it asks for
 * with the key that it is given. They are loaded when somebody first asks, as most daemons are never asked.
 */
export const pageRoutes: readonly Route[] = [
  fileRoute("/", "page.html"),
  ...(Object.keys(FILES) as PageFile[]).filter((name) => name !== "page.html")
    .map((name) => fileRoute(`/page/${name}`, name)),
];

function fileRoute(path: string, name: PageFile): Route {
  return {
    method: "GET",
    path,
    headers: HEADERS,
    async handle() {
      const { pageFiles } = await import("./page_files.ts");
      return new Response(pageFiles[name], { headers: { "Content-Type": FILES[name] } });
    },
  };
}
