import { assert, assertEquals } from "@std/assert";
import { assertRefused } from "../support/assert_reply.ts";
import { InferReply } from "../support/ndjson_client.ts";
import { fastest } from "./support/fastest.ts";
import { play, type Scenario } from "./support/scenario.ts";

const MB = 2 ** 20;
const BYTES = 1024;

async function post({ modeld }: Scenario, body: string): Promise<InferReply> {
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(new URL("/infer", modeld.url), { method: "POST", headers, body, client });
  return new InferReply(response, () => client.close());
}

/** A body of just under 1 MiB, most of it a repeated piece. */
function filled(start: string, piece: string, end: string): string {
  return start + piece.repeat(Math.floor((MB - start.length - end.length) / piece.length)) + end;
}

/** Bodies that are refused, and what the answer names. */
const BODIES: Record<string, readonly [body: string, says: string]> = {
  "half a million numbers in stop": [filled('{"prompt":"a","stop":[1', ",1", "]}"), "more than 10000 values"],
  "half a million texts": [filled('{"prompt":"a","stop":[""', ',""', "]}"), "more than 10000 values"],
  "many objects in a field that is ignored": [filled('{"prompt":"a","x":[{}', ",{}", "]}"), "more than 10000 values"],
  "a deep tree": [filled('{"prompt":"a","x":', "[", ""), "more than 10000 values"],
  "as many values as are parsed, each wrong": [`{"prompt":"a","stop":[1${",1".repeat(9_990)}]}`, "stop"],
  "65 stop sequences": [`{"prompt":"a","stop":["x"${',"x"'.repeat(64)}]}`, "stop has more than 64 items"],
  "a field with a long name, nested deep": [
    `{"prompt":"a","${"x".repeat(MB / 2)}":${"[".repeat(40)}${"]".repeat(40)}}`,
    "deeper",
  ],
};

for (const [name, [body, says]] of Object.entries(BODIES)) {
  Deno.test(`${name}: 400, in a reply and a log line of less than 2 kB`, async () => {
    await play({ outcomes: { "invalid queue": 1 }, posts: 0 }, async (scenario) => {
      const reply = await post(scenario, body);
      await assertRefused(reply, { code: 400, type: "invalid_request", says });
      assert(reply.text.length < 2 * BYTES, `the reply has ${reply.text.length} bytes`);
      const longest = Math.max(...scenario.modeld.process.stderrLines.map((line) => line.length));
      assert(longest < 2 * BYTES, `a log line has ${longest} bytes`);
    });
  });
}

Deno.test("the first wrong item of stop is named", async () => {
  await play({ outcomes: { "invalid queue": 1 }, posts: 0 }, async (scenario) => {
    const reply = await post(scenario, '{"prompt":"a","stop":["x",1,2,3]}');
    await assertRefused(reply, { code: 400, type: "invalid_request", says: "stop[1] must be a string" });
    assert(!reply.text.includes("stop[2]"), reply.text);
  });
});

Deno.test("64 stop sequences, quotes, brackets and commas in texts and empty containers are no reason to refuse", async () => {
  await play({ outcomes: { "ok stream": 2 }, posts: 2 }, async (scenario) => {
    const stops = JSON.stringify(Array.from({ length: 64 }, (_, index) => `\\"[${index}]\\`));
    const text = JSON.stringify(',[{\\"'.repeat(20_000));
    for (const body of [`{"prompt":${text},"stop":${stops}}`, `{"prompt":"a","x":[${"[],".repeat(4_000)}{}]}`]) {
      assertEquals((await (await post(scenario, body)).last()).done, true);
    }
  });
});

Deno.test("a model's long name is clipped in the answer and in the log", async () => {
  await play({ outcomes: { "invalid queue": 1 }, posts: 0 }, async (scenario) => {
    const reply = await post(scenario, JSON.stringify({ prompt: "a", model: "m".repeat(MB / 2) }));
    await assertRefused(reply, { code: 404, type: "model_not_found", says: "mmm..." });
    assert(reply.text.length < 2 * BYTES, `the reply has ${reply.text.length} bytes`);
    const longest = Math.max(...scenario.modeld.process.stderrLines.map((line) => line.length));
    assert(longest < 2 * BYTES, `a log line has ${longest} bytes`);
  });
});

Deno.test("a body of half a million values holds nobody else up for 20 ms", async () => {
  const tries = 5;
  const [body] = BODIES["half a million numbers in stop"] ?? [""];
  await play({ outcomes: { "invalid queue": tries }, posts: 0 }, async (scenario) => {
    const took = await fastest(async () => {
      const reply = await post(scenario, body);
      await reply.read();
      const lines = scenario.modeld.process.stderrLines.map((line) => JSON.parse(line));
      // By modeld's own account, from the body's last byte to the refusal.
      return lines.findLast((line) => line.type === "invalid_request").overhead_ms;
    });
    assert(took < 20, `the fastest took ${took} ms`);
  });
});
