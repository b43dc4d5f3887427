import html from "./assets/page.html" with { type: "text" };
import css from "./assets/page.css" with { type: "text" };
import page from "./assets/page.js" with { type: "text" };
import dom from "./assets/dom.js" with { type: "text" };
import plots from "./assets/plots.js" with { type: "text" };
import playground from "./assets/playground.js" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import type { PageFile } from "./page_routes.ts";

/** The page's files as they are in `assets`, and those of uPlot; `deno bundle` puts their text into the executable. */
export const pageFiles: Readonly<Record<PageFile, string>> = {
  "page.html": html,
  "page.css": css,
  "page.js": page,
  "dom.js": dom,
  "plots.js": plots,
  "playground.js": playground,
  "uplot.js": uplot,
  "uplot.css": uplotCss,
};
