/**
 * Soak: a mixed load on modeld before a real llama-server that is killed and stopped at random, and at the end everything
 * must be back where it was. `SOAK_SECONDS` (180), `SOAK_PLOT` (dist/soak.svg), `MODELD_BIN` as for e2e.
 */
import { assert, assertEquals } from "@std/assert";
import { testModel } from "../../e2e/support/test_model.ts";
import { Accounts } from "../faults/support/accounts.ts";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer } from "../support/ndjson_client.ts";
import { openDescriptors, residentMb, timeWaitSockets } from "../support/process_inspection.ts";
import { RealLlamaServer } from "../support/real_llama_server.ts";
import { Load } from "./load.ts";
import { memoryPlot, type Sample } from "./memory_plot.ts";

const seconds = Number(Deno.env.get("SOAK_SECONDS") ?? 180);
const plot = Deno.env.get("SOAK_PLOT") ?? "dist/soak.svg";

/** Clients that ask at once. */
const CLIENTS = 12;

/** What memory may have grown by, in MB, from the second quarter's median to the last quarter's. */
const GROWTH_MB = 30;

/**
 * Whether growth of memory and what becomes of closed sockets are looked at: memory grows in the first minute or so, as the
 * heap warms up, and the sockets take another minute.
 */
const isLong = seconds >= 100;

/** How long a socket stays in TIME_WAIT at most, in ms, and a little more. */
const TIME_WAIT_MS = 70_000;

/** What an honest reply ends with while llama-server is killed and stopped. */
const HONEST = new Set([
  "done",
  "left",
  "truncated",
  "upstream_error",
  "unreachable",
  "loading",
  "queue_full",
  "wait_timeout",
  "idle_timeout",
  "first_token_timeout",
]);

const model = await testModel();
const llamaArgs = ["-t", "1", "-m", model.path, "-c", "16384", "-np", "4"];
let llama = await RealLlamaServer.start(llamaArgs);
const deadlines = ["--llama-first-token-timeout", "3s", "--llama-idle-timeout", "2s", "--max-wait", "5s"];
const modeld = await Daemon.start({ args: ["--llama-url", llama.url.href, "--preflight=off", ...deadlines] });
try {
  await modeld.ready();
  await (await infer(modeld.url, { prompt: "Once", max_tokens: 4 })).read();
  // Connections that it keeps to llama-server are among its descriptors.
  const before = await Accounts.of(modeld, { openConnections: 0 });

  const load = new Load(modeld.url, CLIENTS);
  const samples = await watch(seconds, () => misfortune(llamaArgs));
  await load.stop();

  const endings = Object.fromEntries(load.endings);
  const outcomes = await settle(before);
  report(samples, endings, outcomes);
  assertEquals(Object.keys(endings).filter((ending) => !HONEST.has(ending)), [], "endings that are not honest");
  assertGrowth(samples);
  await modeld.ready();
  const last = await (await infer(modeld.url, { prompt: "Once", max_tokens: 4 })).last();
  assertEquals(last.done, true, "service does not resume");
  const ports = [Number(modeld.url.port), Number(llama.url.port)];
  console.log(`sockets in TIME_WAIT: ${await timeWaitSockets(ports)}`);
  if (isLong) await eventually("few a minute later", async () => await timeWaitSockets(ports) < 10, TIME_WAIT_MS);
  assertEquals(await modeld.stop(), { code: 0, signal: null });
  console.log("everything is back where it was");
} finally {
  await modeld.stop("SIGKILL");
  await llama.stop("SIGKILL");
  await model.remove();
}

/** Looks at modeld once a second, and every few seconds lets something go wrong. */
async function watch(duration: number, goWrong: () => Promise<void>): Promise<Sample[]> {
  const samples: Sample[] = [];
  const start = performance.now();
  const at = () => (performance.now() - start) / 1_000;
  while (at() < duration) {
    const { pid } = modeld.process;
    samples.push({ at: at(), memory: await residentMb(pid), descriptors: await openDescriptors(pid) });
    if (Math.random() < 0.2) await goWrong();
    else await pause(1_000);
  }
  return samples;
}

/** Stops llama-server for a while, or kills it and starts it again. */
async function misfortune(args: readonly string[]): Promise<void> {
  if (Math.random() < 0.5) {
    llama.process.signal("SIGSTOP");
    await pause(Math.random() * 3_000);
    llama.process.signal("SIGCONT");
  } else {
    await llama.stop("SIGKILL");
    await pause(Math.random() * 1_000);
    llama = await RealLlamaServer.start(args, { port: Number(llama.url.port) });
  }
}

/** Asserts that every request has ended once and that all that was taken is back; gives how they ended. */
async function settle(before: Accounts): Promise<Record<string, number>> {
  const lines = () => modeld.process.stderrLines.map((line) => JSON.parse(line));
  const ended = () => lines().filter(({ message }) => message === "inference ended").map((line) => line.request_id);
  const leftOut = () => lines().reduce((sum, line) => sum + (line.left_out ?? 0), 0);
  let outcomes: Record<string, number> = {};
  await eventually(
    "every inference that ended is logged, or counted as refused; but for the first request",
    async () => {
      outcomes = await before.outcomesSince();
      const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
      return total === ended().length + leftOut() - 1;
    },
    20_000,
  );
  assertEquals(ended().length, new Set(ended()).size, "each ends exactly once");
  await before.settle(outcomes);
  return outcomes;
}

function report(samples: readonly Sample[], endings: Record<string, number>, outcomes: Record<string, number>): void {
  console.log("clients saw", endings);
  console.log("metrics say", outcomes);
  const memory = samples.map((sample) => sample.memory);
  const [first, last] = [median(quarter(samples, 1)), median(quarter(samples, 3))];
  console.log(`memory: ${first.toFixed(0)} MB in the second quarter, ${last.toFixed(0)} in the last`);
  console.log(
    `peak: ${Math.max(...memory).toFixed(0)} MB, ${Math.max(...samples.map((s) => s.descriptors))} descriptors`,
  );
  Deno.mkdirSync(new URL(".", new URL(plot, `file://${Deno.cwd()}/`)), { recursive: true });
  Deno.writeTextFileSync(plot, memoryPlot(samples));
  console.log(`plot: ${plot}`);
}

function assertGrowth(samples: readonly Sample[]): void {
  if (!isLong) return console.log("too short to say anything about growth of memory and closed sockets");
  const growth = median(quarter(samples, 3)) - median(quarter(samples, 1));
  assert(growth <= GROWTH_MB, `memory grew by ${growth.toFixed(0)} MB`);
}

function quarter(samples: readonly Sample[], index: number): number[] {
  const length = Math.ceil(samples.length / 4);
  return samples.slice(index * length, (index + 1) * length).map(({ memory }) => memory);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
