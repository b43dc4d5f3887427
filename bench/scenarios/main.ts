/**
 * The loads that people really have, on real llama-servers: `deno task bench:scenarios`. Each load runs straight on one
 * server and behind modeld, or, with two servers, behind nginx `least_conn` and behind modeld.
 */
import { parseArgs } from "@std/cli/parse-args";
import { randomGguf } from "../../e2e/support/tiny_gguf.ts";
import { nginxVersion } from "../nginx.ts";
import { Random } from "../simulation/random.ts";
import { median, overRounds } from "../statistics.ts";
import { type Outcome, Person } from "./client.ts";
import { type Figures, figuresOf, figuresTable } from "./figures.ts";
import { type FrontName, startFront } from "./fronts.ts";
import { type Scenario, SCENARIOS } from "./loads.ts";

const USAGE = `deno task bench:scenarios [options]
  --only=NAME    one of ${Object.keys(SCENARIOS).join(", ")}; may be repeated
  --rounds=N     alternating rounds, of which the medians are shown (1)
  --quick        small loads, to try the harness`;

/** 26 million parameters: some hundred tokens of a prompt a second on one thread. */
const MODEL = { width: 512, hidden: 1_408, heads: 8, blocks: 8, letters: true };

const { only, quick, rounds } = parseArgs(Deno.args, {
  boolean: ["quick"],
  string: ["only", "rounds"],
  collect: ["only"],
  default: { rounds: "1" },
  unknown: (name: string) => {
    throw new RangeError(`unknown option ${name}\n${USAGE}`);
  },
});

const folder = await Deno.makeTempDir({ prefix: "modeld-scenarios-" });
try {
  const model = `${folder}/model.gguf`;
  await Deno.writeFile(model, randomGguf(1, MODEL));
  const hasNginx = await nginxVersion() !== undefined;
  if (!hasNginx) console.log("Not run: nginx, which is not on PATH (Debian: apt-get install nginx-light).");
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (only.length > 0 && !only.includes(name)) continue;
    for (const servers of scenario.servers) {
      const other: FrontName = servers === 1 ? "straight" : "nginx";
      const fronts: FrontName[] = servers === 1 || hasNginx ? [other, "modeld"] : ["modeld"];
      const columns = await compare(scenario, servers, fronts, model);
      console.log(`\n${scenario.title}; ${servers === 1 ? "one server" : "two servers"}\n\n${figuresTable(columns)}`);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function compare(
  scenario: Scenario,
  servers: number,
  fronts: readonly FrontName[],
  model: string,
): Promise<Map<string, Figures>> {
  const measured = new Map<FrontName, Figures[]>(fronts.map((front) => [front, []]));
  for (let round = 0; round < Number(rounds); round++) {
    for (const front of round % 2 === 0 ? fronts : fronts.toReversed()) {
      measured.get(front)?.push(await measure(scenario, servers, front, model, round));
    }
  }
  return new Map([...measured].map(([front, all]) => {
    const summed = overRounds(all.map((figures) => Object.fromEntries(figures)), median);
    return [front, new Map(Object.entries(summed))];
  }));
}

async function measure(
  scenario: Scenario,
  servers: number,
  name: FrontName,
  model: string,
  round: number,
): Promise<Figures> {
  const front = await startFront(name, servers, model, folder);
  const outcomes: Outcome[] = [];
  const people: Person[] = [];
  try {
    const startedAt = performance.now();
    await scenario.run({
      person(who) {
        const person = new Person(who, people.length + 1, front.url, outcomes);
        people.push(person);
        return person;
      },
      random: new Random(round + 1),
      killServer: front.killServer,
      quick,
    });
    return figuresOf(outcomes, performance.now() - startedAt);
  } finally {
    for (const person of people) person[Symbol.dispose]();
    await front.stop();
  }
}
