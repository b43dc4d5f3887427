import { find, make, setText } from "./dom.js";

/** @typedef {import("../../../../telemetry/recent.ts").RecentFigures} RecentFigures */
/** @typedef {Exclude<keyof RecentFigures, "step_seconds" | "end_unix">} Column */
/** @typedef {{title: string, series: [string, Column, string][]}} PlotTerms */
/** @typedef {{chart: import("npm:uplot@^1"), figure: HTMLElement, values: HTMLElement[], canvas: HTMLElement}} Plot */

/** uPlot comes by a script of its own, which makes it global. */
const { uPlot } = /** @type {{uPlot: typeof import("npm:uplot@^1")}} */ (/** @type {unknown} */ (globalThis));

/**
 * What each plot shows; a series is a name, the column of the figures, and the style's colour.
 *
 * @type {PlotTerms[]}
 */
const PLOTS = [
  {
    title: "Requests that ended, each 10 s",
    series: [["all", "requests", "--prefill"], ["turned away", "rejected", "--queue"], [
      "failed",
      "failed",
      "--problem",
    ]],
  },
  {
    title: "Time to first token, ms",
    series: [["p50", "first_token_ms_p50", "--prefill"], ["p95", "first_token_ms_p95", "--load"]],
  },
  { title: "Tokens a second", series: [["tokens/s", "tokens_per_second", "--stream"]] },
  { title: "Requests that waited", series: [["queued", "queued", "--queue"]] },
];

const HEIGHT = 160;

/** @type {RecentFigures | undefined} */
let figures;
/** @type {Plot[]} */
let plots = [];

/**
 * Draws the last 15 minutes.
 *
 * @param {RecentFigures} recent
 */
export function showRecent(recent) {
  figures = recent;
  if (plots.length === 0) plots = PLOTS.map((terms) => makePlot(terms, recent));
  PLOTS.forEach((terms, i) => {
    const plot = plots[i];
    if (plot !== undefined) update(plot, terms, recent);
  });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { chart, figure } of plots) {
    chart.destroy();
    figure.remove();
  }
  plots = [];
  if (figures !== undefined) showRecent(figures);
});

/**
 * @param {PlotTerms} terms
 * @param {RecentFigures} recent
 * @returns {Plot}
 */
function makePlot({ title, series }, recent) {
  const values = series.map(() => make("span"));
  const caption = make(
    "figcaption",
    {},
    title,
    ...series.map(([, , name], i) => {
      const swatch = make("span", { className: "swatch", "aria-hidden": "true" });
      swatch.style.background = color(name);
      return make("span", { className: "series" }, swatch, values[i] ?? "");
    }),
  );
  const canvas = make("div", { role: "img", "aria-label": title });
  const figure = make("figure", {}, caption, canvas);
  find("plots").append(figure);
  const axis = {
    stroke: color("--quiet"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { stroke: color("--line") },
  };
  const chart = new uPlot(
    {
      width: canvas.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_chart, _min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [
        { ...axis, values: (_chart, times) => times.map(clock) },
        { ...axis, size: 52, values: (_chart, numbers) => numbers.map(short) },
      ],
      series: [
        {},
        ...series.map(([label, , name]) => ({
          label,
          stroke: color(name),
          width: 2,
          points: { show: true, size: 4 },
        })),
      ],
    },
    columns(series, recent),
    canvas,
  );
  new ResizeObserver(() => {
    if (canvas.clientWidth > 0) chart.setSize({ width: canvas.clientWidth, height: HEIGHT });
  }).observe(figure);
  return { chart, figure, values, canvas };
}

/**
 * @param {Plot} plot
 * @param {PlotTerms} terms
 * @param {RecentFigures} recent
 */
function update({ chart, values, canvas }, { title, series }, recent) {
  chart.setData(columns(series, recent));
  const said = series.map(([label, column]) => `${label} ${recent[column].findLast((value) => value !== null) ?? "–"}`);
  values.forEach((value, i) => setText(value, said[i] ?? ""));
  canvas.setAttribute("aria-label", `${title}; last: ${said.join(", ")}`);
}

/**
 * @param {PlotTerms["series"]} series
 * @param {RecentFigures} recent
 * @returns {[number[], ...(number | null)[][]]}
 */
function columns(series, recent) {
  const { end_unix: end, step_seconds: step, requests } = recent;
  const times = requests.map((_, i) => end - (requests.length - 1 - i) * step);
  return [times, ...series.map(([, column]) => [...recent[column]])];
}

/**
 * Seconds of the Unix epoch as hours and minutes, here.
 *
 * @param {number} time
 */
function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

/**
 * A number that has room beside a plot: `20k` for 20,000.
 *
 * @param {number} number
 */
function short(number) {
  return number >= 10_000 ? `${number / 1000}k` : String(number);
}

/** @param {string} name */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
