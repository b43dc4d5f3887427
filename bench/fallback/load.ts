/** The load generator of native/load.c where it cannot be compiled: the same arguments and report, more cost of its own. */
import type { Durations, LoadReport } from "../load.ts";
import { argument, nanoseconds } from "./clock.ts";

const number = (name: string, missing: number) => Number(argument(name) ?? missing);
const streams = number("streams", 1);
const requests = number("requests", streams);
const tokens = number("tokens", 1);
const hold = number("hold", 0) === 1;
const url = `http://127.0.0.1:${argument("port")}${argument("path")}`;
const prompt = `interval_us=${number("interval_us", 0)} `.padEnd(number("prompt_bytes", 0), "aaaaa ");
const body = JSON.stringify({ prompt, max_tokens: tokens, stream: true });
using client = Deno.createHttpClient({ poolMaxIdlePerHost: number("reuse", 0) === 1 ? streams : 0 });

const firstToken: number[] = [];
const token: number[] = [];
const whole: number[] = [];
let asked = 0;
let failed = 0;
let tokensSeen = 0;
let firstFailure = "";
const everyFirstToken = Promise.withResolvers<void>();

const startedAt = nanoseconds();
const slots = Promise.all(Array.from({ length: streams }, (_, i) => slot(i * number("ramp_us", 0) / 1_000)));
const timer = setTimeout(() => everyFirstToken.resolve(), number("deadline_s", 60) * 1_000);
await (hold ? everyFirstToken.promise : slots);
clearTimeout(timer);
console.log(JSON.stringify(report()));
if (hold) { for await (const _ of Deno.stdin.readable); }
Deno.exit();

async function slot(startMs: number): Promise<void> {
  if (startMs > 0) await new Promise((resolve) => setTimeout(resolve, startMs));
  while (asked++ < requests) {
    try {
      await ask();
    } catch (error) {
      if (failed++ === 0) firstFailure = String(error);
    }
  }
}

async function ask(): Promise<void> {
  const askedAt = nanoseconds();
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", body, headers, client });
  if (response.status !== 200 || response.body === null) throw new Error(`refused: ${await response.text()}`);
  let seen = 0;
  let isTerminal = false;
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const now = nanoseconds();
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      isTerminal ||= line.startsWith('{"done"') || line.startsWith("data: [DONE]");
      const stamp = isTerminal ? undefined : /@(\d+)/.exec(line)?.[1];
      if (stamp === undefined) continue;
      if (seen++ === 0) firstToken.push(now - askedAt);
      else token.push(now - Number(stamp));
    }
    if (firstToken.length === streams) everyFirstToken.resolve();
  }
  tokensSeen += seen;
  if (!isTerminal) throw new Error("a reply ended without its last line");
  if (seen !== tokens) throw new Error("a reply has the wrong number of tokens");
  whole.push(nanoseconds() - askedAt);
}

function report(): LoadReport {
  return {
    finished: whole.length,
    failed: failed + (hold && firstToken.length < streams ? 1 : 0),
    tokens: hold ? firstToken.length : tokensSeen,
    elapsed_ms: (nanoseconds() - startedAt) / 1e6,
    first_token_us: durations(firstToken),
    token_us: durations(token),
    request_us: durations(whole),
    first_failure: firstFailure || (hold ? "the deadline passed" : ""),
  };
}

/** Turns nanoseconds into percentiles in µs. */
function durations(nanoseconds: number[]): Durations {
  const sorted = Float64Array.from(nanoseconds).sort();
  if (sorted.length === 0) return { count: 0 };
  const at = (rank: number) => (sorted[Math.floor(rank * (sorted.length - 1))] ?? NaN) / 1_000;
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
