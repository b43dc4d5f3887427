import type { Running } from "./contenders.ts";
import type { Load, LoadGenerator, LoadReport } from "./load.ts";
import type { ServerProcess } from "./server_process.ts";

/** Less CPU time than this is too coarse to divide by (it is counted in steps of 10 ms). */
const LEAST_CPU_MS = 100;

/** What a run of one load at one size came to. */
interface Outcome {
  readonly report: LoadReport;
  /** CPU time of the contender in µs; NaN where it was too little to tell. */
  readonly cpuUs: number;
  readonly process: ServerProcess | undefined;
}

/** How one cost grows with one size. */
interface Question {
  /** File name of its plot. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** What grows. */
  readonly size: string;
  readonly series: keyof typeof SERIES;
  readonly value: (outcome: Outcome) => number;
}

/** The loads that grow; several questions may be answered from one series. */
const SERIES = {
  // First, while the memory that a process ever took is still that of its replies.
  reply: {
    sizes: [10, 100, 1_000, 10_000, 100_000],
    load: (tokens) => ({ requests: Math.max(2, Math.min(200, 20_000 / tokens)), tokens }),
  },
  streams: {
    sizes: [1, 10, 100, 400, 1_000],
    load: (streams) => ({ streams, tokens: streams < 100 ? 100 : 60, interval_us: 50_000, ramp_us: 1_000 }),
  },
  rate: {
    sizes: [1_000, 2_000, 5_000, 10_000, 20_000],
    load: (rate) => ({ streams: 100, tokens: Math.ceil(rate / 40), interval_us: 100_000_000 / rate, ramp_us: 1_000 }),
  },
  prompt: {
    sizes: [1_000, 10_000, 100_000, 1_000_000],
    load: (prompt_bytes) => ({ requests: 60, prompt_bytes, tokens: 2 }),
  },
} as const satisfies Record<string, { sizes: readonly number[]; load: (size: number) => Load }>;

export const QUESTIONS: readonly Question[] = [
  {
    name: "streams-token-p50",
    title: "A token from upstream to client, median, streams at 50 ms a token",
    unit: "µs",
    size: "streams",
    series: "streams",
    value: ({ report }) => report.token_us.p50 ?? NaN,
  },
  {
    name: "streams-token-p99",
    title: "A token from upstream to client, 99th percentile, streams at 50 ms a token",
    unit: "µs",
    size: "streams",
    series: "streams",
    value: ({ report }) => report.token_us.p99 ?? NaN,
  },
  {
    name: "streams-cpu",
    title: "CPU per token, streams at 50 ms a token",
    unit: "µs",
    size: "streams",
    series: "streams",
    value: ({ report, cpuUs }) => cpuUs / report.tokens,
  },
  {
    name: "rate-cpu",
    title: "CPU per token, 100 streams",
    unit: "µs",
    size: "tokens per second in all",
    series: "rate",
    value: ({ report, cpuUs }) => cpuUs / report.tokens,
  },
  {
    name: "rate-token-p99",
    title: "A token from upstream to client, 99th percentile, 100 streams",
    unit: "µs",
    size: "tokens per second in all",
    series: "rate",
    value: ({ report }) => report.token_us.p99 ?? NaN,
  },
  {
    name: "prompt-first-token",
    title: "First token, median, one request at a time",
    unit: "µs",
    size: "bytes of prompt",
    series: "prompt",
    value: ({ report }) => report.first_token_us.p50 ?? NaN,
  },
  {
    name: "reply-time",
    title: "A whole reply at full speed, median",
    unit: "µs",
    size: "tokens of reply",
    series: "reply",
    value: ({ report }) => report.request_us.p50 ?? NaN,
  },
  {
    name: "reply-memory",
    title: "Most memory so far, replies at full speed",
    unit: "MB",
    size: "tokens of reply",
    series: "reply",
    value: ({ process }) => process?.memory().peak ?? NaN,
  },
];

/** Question, then size, then value. */
export type Growth = Record<string, [size: number, value: number][]>;

/** Answers every question for a contender that has been warmed up. */
export async function measureGrowth({ target, process }: Running, generator: LoadGenerator): Promise<Growth> {
  const growth: Growth = {};
  for (const [series, { sizes, load }] of Object.entries(SERIES)) {
    const questions = QUESTIONS.filter((question) => question.series === series);
    for (const question of questions) growth[question.name] = [];
    for (const size of sizes) {
      const before = process?.cpuMs() ?? NaN;
      const report = await generator.run(target, load(size));
      const cpuMs = (process?.cpuMs() ?? NaN) - before;
      const outcome = { report, process, cpuUs: cpuMs < LEAST_CPU_MS ? NaN : cpuMs * 1_000 };
      for (const question of questions) growth[question.name]?.push([size, question.value(outcome)]);
    }
  }
  return growth;
}
