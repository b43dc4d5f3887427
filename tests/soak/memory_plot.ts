/** One look at a process. */
export interface Sample {
  /** Seconds since the start. */
  readonly at: number;
  /** Resident memory in MB. */
  readonly memory: number;
  readonly descriptors: number;
}

const WIDTH = 800;
const HEIGHT = 240;
const MARGIN = 40;

/** A small SVG of memory over time, from 0 MB up. */
export function memoryPlot(samples: readonly Sample[]): string {
  const seconds = Math.max(...samples.map(({ at }) => at), 1);
  const megabytes = Math.max(...samples.map(({ memory }) => memory), 1) * 1.1;
  const x = (at: number) => (MARGIN + (WIDTH - 2 * MARGIN) * at / seconds).toFixed(1);
  const y = (memory: number) => (HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * memory / megabytes).toFixed(1);
  const points = samples.map(({ at, memory }) => `${x(at)},${y(memory)}`).join(" ");
  const peak = Math.max(...samples.map(({ memory }) => memory));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<path d="M${x(0)} ${y(0)}H${x(seconds)}M${x(0)} ${y(0)}V${y(megabytes)}" stroke="black" fill="none"/>
<polyline points="${points}" fill="none" stroke="#1f77b4" stroke-width="1.5"/>
<text x="${x(0)}" y="${MARGIN - 12}">resident memory of modeld in MB, peak ${peak.toFixed(0)}</text>
<text x="${x(seconds)}" y="${HEIGHT - 12}" text-anchor="end">${seconds.toFixed(0)} s</text>
</svg>
`;
}
