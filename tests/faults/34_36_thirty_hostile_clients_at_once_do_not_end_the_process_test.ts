import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import type { Exchange } from "../support/raw_http_server.ts";
import { CLOSE_DELIMITED_HEAD, head } from "../support/replies.ts";
import { SpawnedProcess } from "../support/spawned_process.ts";
import { completionToken } from "../support/wire_streams.ts";
import { RawClient } from "./support/raw_client.ts";
import { play, type Scenario } from "./support/scenario.ts";

/** How many at once. */
const CLIENTS = 30;

/** MB that V8 may take for objects that live: less than it takes by default on a small machine. */
const HEAP_MB = 512;

/**
 * How long `/healthz` may take, in ms. Asserted of the median: clients, llama-server and modeld share the machine here, so
 * that the slowest of hundreds says how long modeld waited for a processor.
 */
const HEALTHZ_MS = 100;

const MB = 2 ** 20;

async function pour(exchange: Exchange, start: string, piece: string): Promise<void> {
  await exchange.send(start);
  for (;;) await exchange.send(piece);
}

/** A way to ask for too much. */
interface Kind {
  /** What llama-server does; missing: it is not asked. */
  readonly script?: (exchange: Exchange) => Promise<void>;
  /** What each client does, until it has an end. */
  readonly client: (scenario: Scenario) => Promise<void>;
  /** How its requests end. */
  readonly outcome: string;
  /** How long an answer may be: so that it is reached within seconds, and all of them fit into the budget. */
  readonly maxAnswerBytes?: number;
}

/** `CLIENTS` answers of so many bytes are nearly all that `--max-buffered-bytes` allows. */
const LONG_ANSWER = 8_000_000;

const endless = (token: string, times: number) => (exchange: Exchange) =>
  pour(exchange, CLOSE_DELIMITED_HEAD, completionToken(token).repeat(times));

/** Asks, and reads as fast as it can, without keeping anything. */
async function devour({ modeld }: Scenario, request: Record<string, unknown>): Promise<void> {
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ prompt: "Once", ...request });
  const reply = await fetch(new URL("/infer", modeld.url), { method: "POST", headers, body, client });
  for await (const _ of reply.body ?? []);
}

/** Asks, and reads nothing until modeld ends the connection. */
async function starve({ modeld }: Scenario, request: Record<string, unknown>): Promise<void> {
  using client = await RawClient.connect(modeld.url);
  await client.post("/infer", { prompt: "Once", ...request });
  const ended = () => modeld.process.stderrLines.filter((line) => line.includes('"message":"inference ended"')).length;
  await eventually("all ended", () => ended() > CLIENTS, 50_000); // one more warmed modeld up
}

const KINDS: Record<string, Kind> = {
  "endless streams of short tokens": {
    script: endless(" on", 200),
    client: (scenario) => devour(scenario, {}),
    outcome: "upstream_error stream",
    maxAnswerBytes: 300_000,
  },
  "endless whole answers of short tokens": {
    script: endless(" on", 200),
    client: (scenario) => devour(scenario, { stream: false }),
    outcome: "upstream_error stream",
    maxAnswerBytes: 300_000,
  },
  "endless whole answers of long tokens": {
    script: endless("é".repeat(2_000), 10),
    client: (scenario) => devour(scenario, { stream: false }),
    outcome: "upstream_error stream",
  },
  "endless streams of giant tokens": {
    script: endless("é".repeat(1.5 * MB), 1),
    client: (scenario) => devour(scenario, {}),
    outcome: "upstream_error stream",
  },
  "endless whole answers of giant tokens": {
    script: endless("é".repeat(1.5 * MB), 1),
    client: (scenario) => devour(scenario, { stream: false }),
    outcome: "upstream_error stream",
  },
  "streams of long tokens that nobody reads": {
    script: endless("é".repeat(300_000), 1),
    client: (scenario) => starve(scenario, {}),
    outcome: "timeout stream",
    maxAnswerBytes: 2 * LONG_ANSWER, // more than the kernels and modeld take for a client that does not read
  },
  "errors without an end": {
    script: (exchange) => pour(exchange, head(500, { Connection: "close" }), "x".repeat(MB)),
    client: (scenario) => devour(scenario, {}),
    outcome: "upstream_error prefill",
  },
  "bodies of half a million values": {
    client: (scenario) => devour(scenario, { stop: Array(400_000).fill(1) }),
    outcome: "invalid queue",
  },
};

for (const [name, { script, client, outcome, maxAnswerBytes = LONG_ANSWER }] of Object.entries(KINDS)) {
  Deno.test({
    name: `${CLIENTS} clients at once with ${name} do not end the process, and /healthz stays under ${HEALTHZ_MS} ms`,
    // An executable takes no flags of V8's.
    ignore: Deno.env.has("MODELD_BIN"),
    async fn() {
      await play(
        {
          fake: { slots: CLIENTS },
          modeld: ["--write-timeout", "5s", "--max-answer-bytes", String(maxAnswerBytes)],
          denoFlags: [`--v8-flags=--max-old-space-size=${HEAP_MB}`],
          outcomes: { [outcome]: CLIENTS },
          posts: script === undefined ? 0 : CLIENTS,
        },
        async (scenario) => {
          const { llama, modeld } = scenario;
          if (script !== undefined) llama.on("POST /v1/completions", script);
          const probe = probeOf(modeld.url);
          try {
            await Promise.all(Array.from({ length: CLIENTS }, () => client(scenario)));
          } finally {
            await probe.stop();
          }
          const answers = probe.stdoutLines.map((line) => line.split(" ").map(Number));
          const times = answers.map(([, ms = Infinity]) => ms).sort((a, b) => a - b);
          const at = (share: number) => times[Math.floor(share * (times.length - 1))] ?? Infinity;
          assert(answers.every(([status]) => status === 200), probe.lines.join("\n"));
          const spread = `median ${at(0.5)}, of ten nine ${at(0.9)}, slowest ${at(1)} ms, of ${times.length}`;
          assert(at(0.5) < HEALTHZ_MS, spread);
          assertEquals(modeld.process.exit, undefined);
        },
      );
    },
  });
}

function probeOf(url: URL): SpawnedProcess {
  const script = new URL("support/healthz_probe.ts", import.meta.url).pathname;
  return new SpawnedProcess(Deno.execPath(), ["run", "-q", "--no-config", "--allow-net=127.0.0.1", script, url.href]);
}
