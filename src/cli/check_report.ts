import { brief } from "../base/figures.ts";
import type { FleetCheckResult, FleetPreflight } from "../upstream/fleet_preflight.ts";
import { preflightChecks } from "../upstream/preflight_checks.ts";
import { onOneLine, paint } from "./print.ts";

type Status = FleetCheckResult["status"];

const MARKS: Readonly<Record<Status, string>> = { OK: "✓", "NOT OK": "✗", SKIPPED: "–" };
const COLORS: Readonly<Record<Status, number>> = { OK: 32, "NOT OK": 31, SKIPPED: 2 };
const NAME_WIDTH = Math.max(...preflightChecks.map(({ name }) => name.length));
const TIME_WIDTH = 6;

/** What `modeld check` prints: a line for each check as soon as it is done, then one that says what they come to. */
export class CheckReport {
  readonly #print: (text: string) => void;
  readonly #serverWidth: number;
  readonly #colors: boolean;
  readonly #counts: Record<Status, number> = { OK: 0, "NOT OK": 0, SKIPPED: 0 };
  readonly #failures: string[] = [];
  /** Checks that were not made because one before them failed, by that one and its server. */
  readonly #unmade = new Map<string, string[]>();

  /** @param servers their names; one alone is not named */
  constructor(servers: readonly string[], print: (text: string) => void, colors: boolean) {
    this.#print = print;
    this.#serverWidth = servers.length > 1 ? Math.max(...servers.map((name) => name.length)) : 0;
    this.#colors = colors;
  }

  /** Prints one result; what was skipped for want of an earlier check waits for the end. */
  add({ server, name, status, ms, detail, remedy, needs }: FleetCheckResult): void {
    this.#counts[status]++;
    if (needs !== undefined) {
      const key = this.#title(server, needs);
      this.#unmade.set(key, [...this.#unmade.get(key) ?? [], name]);
      return;
    }
    if (status === "NOT OK") this.#failures.push(this.#title(server, name));
    const time = status === "SKIPPED" ? "" : brief(ms);
    const where = this.#serverWidth === 0 ? "" : `${(server ?? "").padEnd(this.#serverWidth)}  `;
    const head = `${where}${name.padEnd(NAME_WIDTH)}  ${time.padStart(TIME_WIDTH)}`;
    this.#line(status, `${head}  ${detail}`);
    if (remedy !== undefined) this.#print(`${" ".repeat(head.length + 4)}→ ${onOneLine(remedy)}\n`);
  }

  /** Prints what was not checked, and the verdict as the last line. @param ms what all of it took */
  end({ isWell, canServe }: Pick<FleetPreflight, "isWell" | "canServe">, ms: number): void {
    for (const [needed, names] of this.#unmade) {
      this.#line("SKIPPED", `not checked without ${needed}: ${names.join(", ")}`);
    }
    const { OK, SKIPPED } = this.#counts;
    const made = `${OK} passed${SKIPPED === 0 ? "" : `, ${SKIPPED} left out`}, in ${brief(ms)}`;
    this.#print("\n");
    if (isWell) return this.#line("OK", `all is well: ${made}`);
    const others = canServe ? "; modeld can serve with the other servers" : "";
    this.#line("NOT OK", `${this.#failures.join(", ")} failed${others}: ${made}`);
  }

  #title(server: string | undefined, name: string): string {
    return server === undefined ? name : `${server}: ${name}`;
  }

  #line(status: Status, text: string): void {
    const mark = this.#colors ? paint(MARKS[status], COLORS[status]) : MARKS[status];
    this.#print(`${mark} ${onOneLine(text)}\n`);
  }
}
