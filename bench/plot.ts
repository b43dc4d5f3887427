const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = { left: 72, right: 130, top: 40, bottom: 48 };
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];

/** A line chart with logarithmic axes; points that are not numbers above 0 are left out. */
export interface Plot {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly lines: ReadonlyMap<string, readonly (readonly [x: number, y: number])[]>;
}

/** Draws it as an SVG document that reads well on light and dark pages. */
export function svg({ title, xTitle, yTitle, lines }: Plot): string {
  const drawn = [...lines].map(([name, points]) => ({ name, points: points.filter(([x, y]) => x > 0 && y > 0) }));
  const all = drawn.flatMap(({ points }) => points);
  const x = axis(all.map(([value]) => value), MARGIN.left, WIDTH - MARGIN.right);
  const y = axis(all.map(([, value]) => value), HEIGHT - MARGIN.bottom, MARGIN.top);
  const middle = (MARGIN.top + HEIGHT - MARGIN.bottom) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(MARGIN.left, 20, title, `font-size="14"`),
    ...x.ticks.map(([at, label]) => rule(at, HEIGHT - MARGIN.bottom, at, MARGIN.top) + text(at, 330, label, CENTERED)),
    ...y.ticks.map(([at, label]) =>
      rule(MARGIN.left, at, WIDTH - MARGIN.right, at) + text(MARGIN.left - 6, at + 4, label, `text-anchor="end"`)
    ),
    text((MARGIN.left + WIDTH - MARGIN.right) / 2, HEIGHT - 8, xTitle, CENTERED),
    text(16, middle, yTitle, `${CENTERED} transform="rotate(-90 16 ${middle})"`),
    ...drawn.map(({ name, points }, i) => {
      const color = COLORS[i % COLORS.length] ?? "#000";
      const path = points.map(([px, py]) => `${x.place(px)},${y.place(py)}`).join(" ");
      return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>` +
        points.map(([px, py]) => `<circle cx="${x.place(px)}" cy="${y.place(py)}" r="3" fill="${color}"/>`).join("") +
        text(WIDTH - MARGIN.right + 10, MARGIN.top + 12 + i * 18, name, `fill="${color}"`);
    }),
    "</svg>\n",
  ].join("\n");
}

const CENTERED = `text-anchor="middle"`;

/** A logarithmic axis over whole decades. */
function axis(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const place = (value: number) => Math.round(from + ((Math.log10(value) - low) / (high - low)) * (to - from));
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return { place, ticks: decades.map((value): [number, string] => [place(value), value.toLocaleString("en")]) };
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${content}</text>`;
}
