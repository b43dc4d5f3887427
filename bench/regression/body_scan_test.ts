import { assert } from "@std/assert";
import { scanBody } from "../../src/http/api/v1/body_scanner.ts";

const MIB = 2 ** 20;
const ROUNDS = 30;
/** Twice the bytes take twice the time; the rest is for a busy machine. */
const LIMIT = 3;
/** Of one turn, in ms, at the best of all rounds: measured 0.1 to 4. */
const TURN_LIMIT = 20;

const bodies: readonly (readonly [what: string, prefix: string, unit: string, suffix: string])[] = [
  ["small objects", `{"a":[`, "{},", "{}]}"],
  ["one string", `{"a":"`, "x", `"}`],
  ["escapes", `{"a":"`, "\\n", `"}`],
  ["characters of three bytes", `{"a":"`, "中", `"}`],
  ["escaped names", `{"a":[`, `{"typ\\u0065":"image_url"},`, "{}]}"],
  ["top-level fields", "{", `"a":1,`, `"b":2}`],
];

for (const [what, prefix, unit, suffix] of bodies) {
  Deno.test(`scanning ${what} takes time in proportion to the bytes, and little of it in a turn`, async () => {
    const body = (bytes: number) =>
      new TextEncoder().encode(
        prefix + unit.repeat(Math.floor(bytes / new TextEncoder().encode(unit).length)) + suffix,
      );
    const [small, large] = [body(MIB), body(2 * MIB)];
    const [one, two] = [new Turns(), new Turns()];
    for (let round = 0; round < ROUNDS; round++) {
      await one.scan(small);
      await two.scan(large);
    }
    const ratio = two.total() / one.total();
    console.log(
      `${one.total().toFixed(2)} ms a MiB, ${ratio.toFixed(2)} × for twice the bytes, ` +
        `${two.longest().toFixed(2)} ms in the longest turn`,
    );
    assert(ratio < LIMIT, `twice the bytes take ${ratio.toFixed(2)} × the time`);
    assert(two.longest() < TURN_LIMIT, `a turn takes ${two.longest().toFixed(1)} ms`);
  });
}

/** How long each turn of a scan takes at best: short enough that a busy machine leaves some of them alone. */
class Turns {
  readonly #best: number[] = [];

  async scan(body: Uint8Array): Promise<void> {
    let startedAt = performance.now();
    let index = 0;
    const turn = () => {
      this.#best[index] = Math.min(this.#best[index] ?? Infinity, performance.now() - startedAt);
      index++;
      startedAt = performance.now();
      return Promise.resolve();
    };
    const result = await scanBody(body, { fields: ["model"], maxDepth: 32, maxValues: Infinity, turn });
    assert(result.ok);
    await turn();
  }

  /** Milliseconds. */
  total(): number {
    return this.#best.reduce((sum, ms) => sum + ms, 0);
  }

  /** Milliseconds. */
  longest(): number {
    return Math.max(...this.#best);
  }
}
