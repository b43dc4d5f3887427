/* global uPlot */
import { find, make, setText } from "./dom.js";

/** What each plot shows; a series is a name, the column of the figures, and the style's colour. */
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

let figures;
let plots = [];

/** Draws the last 15 minutes. */
export function showRecent(recent) {
  figures = recent;
  if (plots.length === 0) plots = PLOTS.map(makePlot);
  plots.forEach((plot, i) => update(plot, PLOTS[i]));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { chart, figure } of plots) {
    chart.destroy();
    figure.remove();
  }
  plots = [];
  if (figures !== undefined) showRecent(figures);
});

function makePlot({ title, series }) {
  const values = series.map(() => make("span"));
  const caption = make(
    "figcaption",
    {},
    title,
    ...series.map(([, , name], i) => {
      const swatch = make("span", { className: "swatch", "aria-hidden": "true" });
      swatch.style.background = color(name);
      return make("span", { className: "series" }, swatch, values[i]);
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
    columns(series),
    canvas,
  );
  new ResizeObserver(() => {
    if (canvas.clientWidth > 0) chart.setSize({ width: canvas.clientWidth, height: HEIGHT });
  }).observe(figure);
  return { chart, figure, values, canvas };
}

function update({ chart, values, canvas }, { title, series }) {
  chart.setData(columns(series));
  const said = series.map(([label, column]) =>
    `${label} ${figures[column].findLast((value) => value !== null) ?? "–"}`
  );
  said.forEach((text, i) => setText(values[i], text));
  canvas.setAttribute("aria-label", `${title}; last: ${said.join(", ")}`);
}

function columns(series) {
  const { end_unix: end, step_seconds: step, requests } = figures;
  const times = requests.map((_, i) => end - (requests.length - 1 - i) * step);
  return [times, ...series.map(([, column]) => figures[column])];
}

/** Seconds of the Unix epoch as hours and minutes, here. */
function clock(time) {
  return new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

/** A number that has room beside a plot: `20k` for 20,000. */
function short(number) {
  return number >= 10_000 ? `${number / 1000}k` : String(number);
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
