import { parseArgs } from "@std/cli/parse-args";

const USAGE = `deno task bench [options]
  --quick           one round of small loads, to try the harness
  --rounds=N        alternating rounds (2)
  --best            the best of the rounds, not their median: on a busy machine everything else only adds
  --growth          also how cost grows with streams, tokens, prompt and reply: some minutes more
  --deno=VERSION    also modeld from source on that Deno: a version (fetched through npx) or a path; may be repeated
  --modeld=FOLDER   also modeld from that checkout, to compare changes in one run; may be repeated
  --compiled=FILE   the executable to measure (dist/modeld, if it is there)
  --only=NAME       of all contenders only those whose name contains NAME, beside direct and the reference
  --out=FOLDER      where table, JSON and plots go (bench/results)`;

/** What the command line of the benchmark says. */
export interface BenchOptions {
  readonly quick: boolean;
  readonly rounds: number;
  readonly best: boolean;
  readonly growth: boolean;
  readonly deno: readonly string[];
  readonly modeld: readonly string[];
  readonly compiled: string;
  readonly only: readonly string[];
  readonly out: string;
}

/** @throws RangeError that names what it does not know. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const parsed = parseArgs([...args], {
    boolean: ["quick", "best", "growth"],
    string: ["rounds", "deno", "modeld", "compiled", "only", "out"],
    collect: ["deno", "modeld", "only"],
    unknown: (name: string) => {
      throw new RangeError(`unknown option ${name}\n${USAGE}`);
    },
  });
  const rounds = Number(parsed.rounds ?? (parsed.quick ? 1 : 2));
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`--rounds=${parsed.rounds}: a number from 1 on`);
  return {
    quick: parsed.quick,
    rounds,
    best: parsed.best,
    growth: parsed.growth,
    deno: parsed.deno ?? [],
    modeld: parsed.modeld ?? [],
    compiled: parsed.compiled ?? "dist/modeld",
    only: parsed.only ?? [],
    out: parsed.out ?? "bench/results",
  };
}
