import { assert, assertEquals } from "@std/assert";
import { samples } from "../tests/faults/support/accounts.ts";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { withStack } from "./support/stack.ts";

/** What clients saw. */
interface Seen {
  prompt: number;
  completion: number;
  readonly outcomes: Record<string, number>;
}

/** Clients at once, and requests of each. */
const CLIENTS = 6;
const ROUNDS = 10;

Deno.test("after a mixed load the metrics agree with what clients saw, to the last token", async () => {
  await withStack({ modeld: ["--max-queue-depth", "2"] }, async ({ modeld }) => {
    const seen: Seen = { prompt: 0, completion: 0, outcomes: {} };
    const count = (outcome: string) => seen.outcomes[outcome] = (seen.outcomes[outcome] ?? 0) + 1;
    const client = async (number: number): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        const request = {
          prompt: "Once upon a time ".repeat(1 + (number + round) % 4),
          max_tokens: 3 + 7 * round,
          seed: 1 + number * ROUNDS + round,
          stream: round % 2 === 0,
        };
        if (round % 5 === 4) {
          const leaving = await infer(modeld.url, { ...request, stream: true, max_tokens: 4_000 });
          if (leaving.status === 200) {
            await leaving.read(2);
            await leaving.leave();
            count("cancelled");
            continue;
          }
          await leaving.read();
          count("rejected");
          continue;
        }
        if (round % 5 === 3) {
          const wrong = await infer(modeld.url, { ...request, max_tokens: "many" });
          assertEquals((await wrong.last()).code, 400);
          count("invalid");
        }
        const reply = await infer(modeld.url, request);
        const last = await reply.last();
        if (reply.status === 429) {
          count("rejected");
          continue;
        }
        assertEquals(last.done, true, reply.text);
        assert(last.usage !== undefined);
        seen.prompt += last.usage.prompt_tokens;
        seen.completion += last.usage.completion_tokens;
        count("ok");
      }
    };
    const before = accounts(await metricsOf(modeld));
    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
    const total = sumOf(seen.outcomes);
    const since = async () => difference(accounts(await metricsOf(modeld)), before);
    await eventually("every request is counted", async () => sumOf((await since()).outcomes) === total);

    console.log(seen);
    assertEquals(await since(), seen);
    for (const outcome of ["ok", "cancelled", "invalid", "rejected"]) {
      assert((seen.outcomes[outcome] ?? 0) > 0, `the load had no ${outcome}: ${JSON.stringify(seen.outcomes)}`);
    }
  });
});

async function metricsOf(modeld: { get(path: string): Promise<{ text: string }> }): Promise<string> {
  return (await modeld.get("/metrics")).text;
}

/** The same, as the metrics have it. */
function accounts(metrics: string): Seen {
  const outcomes: Record<string, number> = {};
  for (const { labels: { outcome = "" }, value } of samples(metrics, "modeld_requests_total")) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + value;
  }
  const tokens = (kind: string) =>
    samples(metrics, "modeld_tokens_total")
      .filter(({ labels }) => labels["kind"] === kind)
      .reduce((sum, { value }) => sum + value, 0);
  return { prompt: tokens("prompt"), completion: tokens("completion"), outcomes };
}

function difference(after: Seen, before: Seen): Seen {
  const outcomes: Record<string, number> = {};
  for (const [outcome, value] of Object.entries(after.outcomes)) {
    const more = value - (before.outcomes[outcome] ?? 0);
    if (more > 0) outcomes[outcome] = more;
  }
  return {
    prompt: after.prompt - before.prompt,
    completion: after.completion - before.completion,
    outcomes,
  };
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}
