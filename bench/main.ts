/** What modeld adds to a token: `deno task bench`; the method and the numbers are in bench/README.md. */
import { type Contender, direct, withContender } from "./contenders.ts";
import { type Growth, measureGrowth, QUESTIONS } from "./growth.ts";
import { type Helpers, makeHelpers } from "./helpers.ts";
import { lineup, REFERENCE } from "./lineup.ts";
import { LoadGenerator } from "./load.ts";
import { beyond, FULL, measure, type Measured, type MeasureName, MEASURES, QUICK } from "./measures.ts";
import { nginxVersion } from "./nginx.ts";
import { parseOptions } from "./options.ts";
import { svg } from "./plot.ts";
import { ServerProcess } from "./server_process.ts";
import { freePort } from "../tests/support/ports.ts";
import { best, median, overRounds } from "./statistics.ts";
import { table } from "./table.ts";

const options = parseOptions(Deno.args);
const effort = options.quick ? QUICK : FULL;
const folder = await Deno.makeTempDir({ prefix: "modeld-bench-" });
try {
  const helpers = await makeHelpers(folder);
  const upstreamPort = freePort();
  const upstream = await ServerProcess.start([...helpers.upstream, `port=${upstreamPort}`], upstreamPort);
  try {
    await bench(helpers, upstreamPort);
  } finally {
    await upstream.stop();
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function bench(helpers: Helpers, upstreamPort: number): Promise<void> {
  const generator = new LoadGenerator(helpers.load);
  await showCeiling(helpers, generator, upstreamPort);
  const contenders = await lineup(options, folder);

  const rounds = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) {
      console.log(`round ${round + 1}: ${contender.name}`);
      await attempt(contender, () =>
        withContender(contender, upstreamPort, async (running) => {
          rounds.get(contender.name)?.push(await measure(running, generator, effort));
        }));
    }
  }

  const growth = new Map<string, Growth>();
  for (const contender of options.growth ? contenders.filter((each) => each !== direct) : []) {
    console.log(`growth: ${contender.name}`);
    await attempt(contender, () =>
      withContender(contender, upstreamPort, async (running) => {
        await generator.run(running.target, { requests: 4_000, streams: 10, tokens: 10 });
        growth.set(contender.name, await measureGrowth(running, generator));
      }));
  }
  await report(helpers, rounds, growth);
}

/** One contender that fails does not cost the others their numbers; the exit code tells. */
async function attempt({ name }: Contender, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    Deno.exitCode = 1;
  }
}

/** What upstream and load generator do with nothing between them: the most that this run could see. */
async function showCeiling({ kind }: Helpers, generator: LoadGenerator, port: number): Promise<void> {
  const target = { port, path: "/v1/completions", reuse: false };
  const fast = await generator.run(target, { streams: 4, tokens: effort.fullSpeedTokens });
  const instant = await generator.run(target, { requests: effort.requests, streams: 10 });
  const perSecond = (count: number, ms: number) => Math.round((count / ms) * 1_000).toLocaleString("en");
  console.log(
    `Ceiling of the harness itself (${kind}): ${perSecond(fast.tokens, fast.elapsed_ms)} tokens/s, ` +
      `${perSecond(instant.finished, instant.elapsed_ms)} requests/s at 10 at a time.`,
  );
}

async function report(helpers: Helpers, rounds: Map<string, Measured[]>, growth: Map<string, Growth>): Promise<void> {
  const measured = [...rounds].filter(([, list]) => list.length > 0);
  const sumUp = (values: readonly number[], name: MeasureName) =>
    options.best ? best(values, "more" in MEASURES[name]) : median(values);
  const summedUp = new Map(measured.map(([name, list]) => [name, overRounds<keyof Measured>(list, sumUp)]));
  const bare = summedUp.get(direct.name);
  const results = new Map([...summedUp].map(([name, measures]) => [name, beyond(bare, measures)]));
  const text = table(results, REFERENCE);
  const statistic = options.best ? "the best" : "the median";
  console.log(`\n${text}\n\n(×) is the ratio to ${REFERENCE} in this run; ${statistic} of ${options.rounds} rounds.`);

  await Deno.mkdir(options.out, { recursive: true });
  await Deno.writeTextFile(`${options.out}/table.md`, `${text}\n`);
  const everything = {
    date: new Date().toISOString(),
    helpers: helpers.kind,
    nginx: await nginxVersion(),
    cores: navigator.hardwareConcurrency,
    rounds: Object.fromEntries(rounds),
    statistic,
    results: Object.fromEntries(results),
    growth: Object.fromEntries(growth),
  };
  await Deno.writeTextFile(`${options.out}/results.json`, `${JSON.stringify(everything, null, 2)}\n`);
  for (const { name, title, unit, size } of growth.size > 0 ? QUESTIONS : []) {
    const lines = new Map([...growth].map(([contender, answers]) => [contender, answers[name] ?? []]));
    await Deno.writeTextFile(`${options.out}/${name}.svg`, svg({ title, xTitle: size, yTitle: unit, lines }));
  }
  console.log(`Written to ${options.out}.`);
}
