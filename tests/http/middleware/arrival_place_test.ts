import { assert, assertEquals } from "@std/assert";
import { digestKey, plainClient } from "../../../src/base/client.ts";
import { ArrivalLimiter } from "../../../src/http/middleware/arrival_limiter.ts";
import { until, withServer } from "../with_server.ts";

/** Nobody's turn ever comes. */
const shut = (longest = 10) => new ArrivalLimiter(0, longest);

const REQUESTS = {
  "/infer": { prompt: "Once" },
  "/v1/chat/completions": { messages: [{ role: "user", content: "Once" }] },
};

for (const [path, body] of Object.entries(REQUESTS)) {
  const post = (url: string, sent: object, init: RequestInit = {}) =>
    fetch(url + path, {
      method: "POST",
      body: JSON.stringify(sent),
      headers: { "Content-Type": "application/json", authorization: "Bearer sk-one" },
      ...init,
    });
  const answered = async (reply: Promise<Response>): Promise<readonly [number, string]> => {
    const { status, text } = await reply.then(async (reply) => ({ status: reply.status, text: await reply.text() }));
    return [status, /"(?:type|code)":"(\w+)"/.exec(text.replace(/"type":"error",/, ""))?.[1] ?? text];
  };

  Deno.test(`${path}: who has no key, sends nonsense or comes on top of too many is answered without a turn`, async () => {
    const arrivals = shut();
    const clients = [plainClient("one", [await digestKey("sk-one")])];
    const left = new AbortController();
    await withServer(async ({ url, metrics }) => {
      const stranger = { headers: { "Content-Type": "application/json", authorization: "Bearer sk-wrong" } };
      assertEquals((await answered(post(url, body, stranger)))[0], 401);
      assertEquals((await answered(post(url, body, { body: "{" })))[0], 400);
      assertEquals(arrivals.waiting, 0);
      const waiting = post(url, body, { signal: left.signal }).catch(() => {});
      await until(() => arrivals.waiting === 1);
      assertEquals((await answered(post(url, body)))[0], 503);
      assertEquals(arrivals.waiting, 1);
      left.abort();
      await waiting;
      await metrics.idle();
      assertEquals(arrivals.waiting, 0);
    }, { arrivals, clients, maxConcurrentRequests: 1 });
  });

  Deno.test(`${path}: the wait for a turn counts towards the deadline and as time in the queue, not as modeld's own`, async () => {
    const arrivals = shut();
    await withServer(async ({ url, observer, fleet }) => {
      assertEquals(await answered(post(url, body)), [500, path === "/infer" ? "infer_timeout" : "server_error"]);
      const [timeline] = observer.timelines;
      assert(timeline !== undefined);
      assertEquals([observer.results[0]?.outcome, timeline.stage, fleet.calls.length], ["timeout", "queue", 0]);
      assert(timeline.spent("queue") > 100, `${timeline.spent("queue")} ms`);
      assert(timeline.total >= 200 && timeline.overhead < timeline.total / 2, `${timeline.overhead} ms`);
      assertEquals(arrivals.waiting, 0);
    }, { arrivals, inferTimeout: 200 });
  });

  Deno.test(`${path}: beyond the most that may wait for a turn a request is refused at once`, async () => {
    const arrivals = shut(1);
    const left = new AbortController();
    await withServer(async ({ url }) => {
      const waiting = post(url, body, { signal: left.signal }).catch(() => {});
      await until(() => arrivals.waiting === 1);
      const reply = post(url, body);
      assertEquals((await answered(reply))[0], 503);
      assertEquals((await reply).headers.get("retry-after"), "1");
      left.abort();
      await waiting;
    }, { arrivals });
  });
}
