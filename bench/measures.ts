import type { Running } from "./contenders.ts";
import type { Load, LoadGenerator, LoadReport } from "./load.ts";
import { median } from "./statistics.ts";

/** What is measured of each contender in each round, in the order of the table. Smaller is better except where `more`. */
export const MEASURES = {
  first_token_us: { title: "1 stream, warm: first token p50, µs" },
  added_first_token_us: { title: "1 stream, warm: first token p50, beyond direct, µs" },
  token_p50_us: { title: "1 stream × 5 ms: a token from upstream to client p50, µs" },
  token_p99_us: { title: "1 stream × 5 ms: a token p99, µs" },
  busy_cpu_us: { title: "100 streams × 20 ms: CPU per token, µs" },
  busy_token_p50_us: { title: "100 streams × 20 ms: a token p50, µs" },
  busy_token_p99_us: { title: "100 streams × 20 ms: a token p99, µs" },
  burst_100_us: { title: "100 arrive at once: first token p50, µs" },
  crowd_cpu_us: { title: "400 streams × 50 ms: CPU per token, µs" },
  crowd_token_p99_us: { title: "400 streams × 50 ms: a token p99, µs" },
  burst_400_us: { title: "400 arrive at once: first token p50, µs" },
  full_speed: { title: "full speed, 4 streams: tokens/s", more: true },
  requests_per_s: { title: "instant upstream, 10 at a time: requests/s", more: true },
  request_p99_us: { title: "instant upstream, 10 at a time: p99, µs" },
  request_cpu_us: { title: "instant upstream, 10 at a time: CPU per request, µs" },
  start_ms: { title: "from start to listening, ms" },
  rest_mb: { title: "memory at rest, MB" },
  idle_stream_kb: { title: "memory per idle open stream (of 1,000), kB" },
  after_mb: { title: "memory after all loads, MB" },
  peak_mb: { title: "memory at the peak, MB" },
} as const satisfies Record<string, { title: string; more?: true }>;

export type MeasureName = keyof typeof MEASURES;

/** One contender's numbers in one round; NaN where there is nothing to measure. */
export type Measures = Record<MeasureName, number>;

/** What is known once the bare upstream has been measured too, with the measure that each comes from. */
const BEYOND = {
  added_first_token_us: "first_token_us",
} as const satisfies Partial<Record<MeasureName, MeasureName>>;

/** The numbers that one contender alone gives. */
export type Measured = Omit<Measures, keyof typeof BEYOND>;

/** How much load; `quick` is for trying the harness. */
export interface Effort {
  readonly busySeconds: number;
  readonly requests: number;
  readonly fullSpeedTokens: number;
  readonly bursts: number;
}

export const FULL: Effort = { busySeconds: 3, requests: 6_000, fullSpeedTokens: 50_000, bursts: 5 };
export const QUICK: Effort = { busySeconds: 1, requests: 1_000, fullSpeedTokens: 10_000, bursts: 2 };

const IDLE_STREAMS = 1_000;
/** So that memory and connections of one load are settled before the next. */
const PAUSE_MS = 300;

/** Measures a contender that has just been started. */
export async function measure(
  { target, process }: Running,
  generator: LoadGenerator,
  effort: Effort,
): Promise<Measured> {
  const run = (load: Load) => generator.run(target, load);
  const memory = () => process?.memory() ?? { resident: NaN, peak: NaN };
  const cpuOf = async (load: Load): Promise<[LoadReport, number]> => {
    const before = process?.cpuMs() ?? NaN;
    const report = await run(load);
    return [report, ((process?.cpuMs() ?? NaN) - before) * 1_000];
  };
  const burst = async (streams: number, interval_us: number) => {
    const times: number[] = [];
    for (let i = 0; i < effort.bursts; i++) {
      await pause();
      times.push((await run({ streams, tokens: 5, interval_us })).first_token_us.p50 ?? NaN);
    }
    return median(times);
  };

  await pause();
  const rest = memory().resident;
  let idle = NaN;
  await generator.hold(target, IDLE_STREAMS, () => idle = memory().resident - rest);
  await pause();
  // So long because V8 compiles in steps: what is measured is a daemon that has served for a while.
  await run({ requests: 2 * effort.requests, streams: 10, tokens: 5 });
  await run({ streams: 100, tokens: effort.busySeconds * 25, interval_us: 20_000 });
  await run({ streams: 4, tokens: effort.fullSpeedTokens / 2 });

  const first = await run({ requests: 300, tokens: 2 });
  const one = await run({ tokens: effort.busySeconds * 200, interval_us: 5_000 });
  const [busy, busyCpu] = await cpuOf({
    streams: 100,
    tokens: effort.busySeconds * 50,
    interval_us: 20_000,
    ramp_us: 200,
  });
  const burst100 = await burst(100, 20_000);
  const [crowd, crowdCpu] = await cpuOf({
    streams: 400,
    tokens: effort.busySeconds * 20,
    interval_us: 50_000,
    ramp_us: 1_000,
  });
  const burst400 = await burst(400, 100_000);
  const fast = await run({ streams: 4, tokens: effort.fullSpeedTokens });
  const [instant, instantCpu] = await cpuOf({ requests: effort.requests, streams: 10 });

  return {
    first_token_us: first.first_token_us.p50 ?? NaN,
    token_p50_us: one.token_us.p50 ?? NaN,
    token_p99_us: one.token_us.p99 ?? NaN,
    busy_cpu_us: busyCpu / busy.tokens,
    busy_token_p50_us: busy.token_us.p50 ?? NaN,
    busy_token_p99_us: busy.token_us.p99 ?? NaN,
    burst_100_us: burst100,
    crowd_cpu_us: crowdCpu / crowd.tokens,
    crowd_token_p99_us: crowd.token_us.p99 ?? NaN,
    burst_400_us: burst400,
    full_speed: (fast.tokens / fast.elapsed_ms) * 1_000,
    requests_per_s: (instant.finished / instant.elapsed_ms) * 1_000,
    request_p99_us: instant.request_us.p99 ?? NaN,
    request_cpu_us: instantCpu / instant.finished,
    start_ms: process?.startMs ?? NaN,
    rest_mb: rest,
    idle_stream_kb: (idle * 1024) / IDLE_STREAMS,
    after_mb: memory().resident,
    peak_mb: memory().peak,
  };
}

/** Adds what takes the bare upstream's numbers to know: how much a contender takes beyond them. */
export function beyond(direct: Measured | undefined, measured: Measured): Measures {
  const added = Object.entries(BEYOND).map(([name, of]) => [name, measured[of] - (direct?.[of] ?? NaN)]);
  return { ...measured, ...Object.fromEntries(added) };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
