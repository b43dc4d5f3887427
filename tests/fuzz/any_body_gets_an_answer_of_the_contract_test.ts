import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Daemon } from "../support/daemon.ts";
import { InferReply } from "../support/ndjson_client.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { assertContract } from "./support/contract.ts";
import { timeBox } from "./support/time_box.ts";

const text = fc.string({ unit: "binary", maxLength: 20 });
const likely = <T>(arbitrary: fc.Arbitrary<T>) => ({ weight: 20, arbitrary });
const odd = fc.oneof(fc.jsonValue({ maxDepth: 3 }), text, fc.double(), fc.integer(), fc.constant(null));

/** A body that may well be right, and in which anything may be wrong. */
const body = fc.record({
  prompt: fc.oneof(likely(text), odd),
  model: fc.oneof(likely(fc.constantFrom("", "tiny", "tiny", "nobody")), odd),
  stream: fc.oneof(likely(fc.boolean()), odd),
  max_tokens: fc.oneof(likely(fc.integer()), odd),
  temperature: fc.oneof(likely(fc.double({ noNaN: true, noDefaultInfinity: true })), odd),
  top_p: fc.oneof(likely(fc.double({ min: 0, max: 1, noNaN: true })), odd),
  top_k: fc.oneof(likely(fc.integer()), odd),
  seed: fc.oneof(likely(fc.integer()), odd),
  repeat_penalty: fc.oneof(likely(fc.double({ min: 0, max: 2, noNaN: true })), odd),
  stop: fc.oneof(likely(fc.array(text, { maxLength: 3 })), odd),
  other: odd,
}, { requiredKeys: ["prompt"] }).map((value) => JSON.stringify(value));

const sent = fc.oneof({ weight: 8, arbitrary: body }, fc.json(), fc.string());

/** What each field that reaches llama-server must be. */
const VALID: Record<string, (value: unknown) => boolean> = {
  prompt: (value) => typeof value === "string" && value.trim() !== "" && value.isWellFormed(),
  model: (value) => typeof value === "string" && value !== "",
  stream: (value) => value === true,
  max_tokens: (value) => Number.isSafeInteger(value) && Number(value) > 0,
  temperature: Number.isFinite,
  top_p: Number.isFinite,
  top_k: Number.isSafeInteger,
  seed: (value) => Number.isSafeInteger(value) && value !== 0,
  repeat_penalty: Number.isFinite,
  stop: (value) => Array.isArray(value) && value.every((item) => typeof item === "string" && item.isWellFormed()),
};

Deno.test("any body gets an answer of the contract, and what reaches llama-server is valid", async () => {
  const llama = await FakeLlamaHttpServer.start({ tokens: [" upon"] });
  const modeld = await Daemon.start({
    args: ["--llama-url", llama.url.href, "--preflight=off"],
  });
  const client = Deno.createHttpClient({});
  let answered = 0;
  try {
    await modeld.ready();
    const property = fc.asyncProperty(sent, async (json) => {
      const before = llama.posts.length;
      const headers = { "Content-Type": "application/json", "X-Log-Level": "off" };
      const response = await fetch(new URL("/infer", modeld.url), { method: "POST", headers, body: json, client });
      const reply = new InferReply(response, () => {});
      await reply.read();
      assertContract(reply);
      answered++;
      const posts = llama.posts.slice(before);
      assertEquals(posts.length, reply.lines.at(-1)?.done ? 1 : 0, reply.text);
      for (const post of posts) {
        for (const [field, value] of Object.entries(JSON.parse(post.body))) {
          assert(VALID[field]?.(value) === true, `${field}: ${JSON.stringify(value)} reached llama-server`);
        }
      }
    });
    await fc.assert(property, timeBox("bodies"));
    console.log(`bodies: ${answered} answers, ${llama.posts.length} generations`);
  } finally {
    client.close();
    await modeld.stop("SIGKILL");
    await llama.close();
  }
});
