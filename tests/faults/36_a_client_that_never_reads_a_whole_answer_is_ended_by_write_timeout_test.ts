import { assert, assertEquals } from "@std/assert";
import { assertRefused } from "../support/assert_reply.ts";
import { eventually } from "../support/eventually.ts";
import { residentMb } from "../support/process_inspection.ts";
import { CLOSE_DELIMITED_HEAD, head, replyStream } from "../support/replies.ts";
import { completionEnd, completionStream, completionToken, SSE_DONE } from "../support/wire_streams.ts";
import { samples } from "./support/accounts.ts";
import { admitted, play } from "./support/scenario.ts";
import { SilentHttp2Client } from "./support/silent_http2_client.ts";

const CLIENTS = 150;
/** Answers that are read before, so that what V8 takes for any work at all is taken. */
const READ = 100;
const KIB = 1024;

Deno.test("150 clients that never read a whole answer show in the metrics, take little memory, and are ended by --write-timeout", async () => {
  const answer = new TextEncoder().encode(
    CLOSE_DELIMITED_HEAD + completionToken("x".repeat(16 * KIB)).repeat(8) + completionEnd("length") + SSE_DONE,
  );
  await play(
    {
      modeld: ["--write-timeout", "20s", "--max-queue-depth", String(CLIENTS)],
      outcomes: { "ok stream": READ, "timeout stream": CLIENTS },
      posts: READ + CLIENTS,
    },
    async ({ llama, modeld, ask }) => {
      llama.on("POST /v1/completions", async (exchange) => {
        await exchange.send(answer);
        await exchange.close();
      });
      for (let count = 0; count < READ; count++) await (await ask({ stream: false })).read();
      const before = await residentMb(modeld.process.pid);
      using client = await SilentHttp2Client.connect(modeld.url);
      const posts = llama.posts.length;
      for (let count = 0; count < CLIENTS; count++) await client.post("/infer", { prompt: "Once", stream: false });
      await eventually("all asked", () => llama.posts.length === posts + CLIENTS, 30_000);
      await eventually("all slots free", async () => await admitted(modeld) === 0);

      const { text } = await modeld.get("/metrics");
      const inflight = samples(text, "modeld_http_inflight_requests").find(({ labels }) => labels["path"] === "/infer");
      assertEquals(inflight?.value, CLIENTS);
      const growth = await residentMb(modeld.process.pid) - before;
      assert(growth < 50, `memory grew by ${growth} MB`);
      await eventually("all ended", () => ended(modeld.process.stderrLines) === CLIENTS, 30_000);
    },
  );
});

Deno.test("clients that never read a whole answer of /v1 hold llama-server up, take little memory, and are ended by --write-timeout", async () => {
  const count = 20;
  const path = "/v1/embeddings";
  // More than the kernels and modeld take for a client that does not read.
  const piece = new TextEncoder().encode(" ".repeat(2 ** 20));
  await play(
    {
      fake: { slots: count },
      modeld: ["--write-timeout", "2s"],
      outcomes: { "timeout prefill": count },
      posts: 0,
    },
    async ({ llama, modeld }) => {
      let sent = 0;
      llama.on(`POST ${path}`, async (exchange) => {
        await exchange.send(head(200, { "Content-Type": "application/json", "Connection": "close" }) + "[");
        while (sent < count * 64 * piece.length) sent += await exchange.send(piece).then(() => piece.length);
        await exchange.close();
      });
      const before = await residentMb(modeld.process.pid);
      using client = await SilentHttp2Client.connect(modeld.url);
      for (let asked = 0; asked < count; asked++) await client.post(path, { input: "Once" });
      await eventually("all ended", () => ended(modeld.process.stderrLines) === count, 30_000);
      assert(sent < count * 32 * piece.length, `modeld took ${sent} bytes for clients that do not read`);
      const growth = await residentMb(modeld.process.pid) - before;
      assert(growth < 50, `memory grew by ${growth} MB`);
    },
  );
});

Deno.test("a request beyond --max-buffered-bytes is 503 overloaded, and is served once there is room again", async () => {
  await play(
    {
      modeld: ["--max-buffered-bytes", "200000"],
      outcomes: { "ok stream": 2, "rejected queue": 1, "rejected stream": 2 },
      posts: 4,
    },
    async ({ llama, ask }) => {
      const body = { prompt: "x".repeat(150_000) };
      const taken = llama.take();
      const first = ask(body);
      const exchange = await taken;
      const refused = await ask(body);
      assert(Number(refused.headers.get("retry-after")) >= 1, "no Retry-After");
      await assertRefused(refused, { code: 503, type: "overloaded", says: "--max-buffered-bytes" });
      await replyStream(exchange, completionStream([" one"]));
      assertEquals((await (await first).last()).done, true);
      assertEquals((await (await ask(body)).last()).done, true);

      const long = completionStream(["x".repeat(250_000)]);
      llama.next((exchange) => replyStream(exchange, long));
      await assertRefused(await ask({ stream: false }), {
        code: 503,
        type: "overloaded",
        says: "--max-buffered-bytes",
      });
      llama.next((exchange) => replyStream(exchange, completionToken(" one") + long));
      const last = await (await ask()).last();
      assertEquals([last.code, last.type], [503, "overloaded"]);
    },
  );
});

function ended(lines: readonly string[]): number {
  return lines.filter((line) => JSON.parse(line).type === "write_timeout").length;
}
