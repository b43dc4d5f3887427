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
 *
 * @param hasKeys whether modeld has keys
 */
export function pageRoutes(hasKeys: () => boolean): readonly Route[] {
  return (Object.keys(FILES) as PageFile[]).map((name) =>
    name === "page.html"
      // The page asks for a key at once where one is needed, in place of a request that is refused.
      ? fileRoute("/", name, (html) => hasKeys() ? html.replace('data-keys="none"', 'data-keys="asked"') : html)
      : fileRoute(`/page/${name}`, name)
  );
}

function fileRoute(path: string, name: PageFile, change = (text: string) => text): Route {
  return {
    method: "GET",
    path,
    headers: HEADERS,
    async handle() {
      const { pageFiles } = await import("./page_files.ts");
      return new Response(change(pageFiles[name]), { headers: { "Content-Type": FILES[name] } });
    },
  };
}
