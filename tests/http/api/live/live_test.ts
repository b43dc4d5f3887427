import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { digestKey, plainClient } from "../../../../src/base/client.ts";
import type { HttpOptions } from "../../../../src/http/server.ts";
import type { Status } from "../../../../src/dispatch/status.ts";
import type { FakeFleet, ScriptedExchange } from "../../fake_fleet.ts";
import { bodyOf, parseLines, type TestServer, until, withServer } from "../../with_server.ts";

const STATUS: Partial<Status> = { instances: [], servers: [], state: "ready" };
const ONE = plainClient("one", [await digestKey("sk-one")]);
const TWO = plainClient("two", [await digestKey("sk-two")]);
const KEYS = { clients: [ONE, TWO] };
const ADMIN = { clients: [ONE, { ...TWO, admin: true }] };

/** Runs the test against a server whose fleet has a status. */
function withLive(test: (server: TestServer) => Promise<void>, options: Partial<HttpOptions> = {}): Promise<void> {
  return withServer((server) => {
    server.fleet.statusReply = STATUS;
    return test(server);
  }, options);
}

function bearer(key: string): RequestInit {
  return { headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" } };
}

/** Makes each exchange bring one fragment and then wait for the test. @returns the last one */
function hold(fleet: FakeFleet): () => ScriptedExchange {
  let last: ScriptedExchange | undefined;
  fleet.script = (exchange) => {
    last = exchange.push("one");
  };
  return () => {
    if (last === undefined) throw new Error("no request has come");
    return last;
  };
}

/** One event of `GET /events`. */
interface LiveEvent {
  readonly name: string;
  // deno-lint-ignore no-explicit-any -- the test asserts on what it picks out of it
  readonly data: any;
}

/** Reads `GET /events` event by event. */
class Events {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(reply: Response) {
    this.#reader = bodyOf(reply).pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(url: string, init?: RequestInit): Promise<Events> {
    const reply = await fetch(`${url}/events`, init);
    assertEquals([reply.status, reply.headers.get("content-type")], [200, "text/event-stream"]);
    return new Events(reply);
  }

  /** The next event, comments left out; undefined at the end. */
  async next(): Promise<LiveEvent | undefined> {
    for (;;) {
      const end = this.#rest.indexOf("\n\n");
      if (end >= 0) {
        const event = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 2);
        const [, name = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
        if (name !== "") return { name, data: JSON.parse(data) };
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += value;
    }
  }

  /** The first event from here on of which this holds. */
  async until(holds: (event: LiveEvent) => boolean): Promise<LiveEvent> {
    for (;;) {
      const event = await this.next();
      if (event === undefined) throw new Error("the events ended");
      if (holds(event)) return event;
    }
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}

Deno.test("events are a snapshot, then what changes: a request comes, gains tokens, goes", () =>
  withLive(async ({ url, fleet, infer }) => {
    const events = await Events.open(url);
    const first = await events.next();
    assertEquals([first?.name, first?.data.fleet.state, first?.data.recent.requests.length], ["snapshot", "ready", 90]);
    assertEquals(first?.data.modeld.keys, false);

    const held = hold(fleet);
    const reply = await infer({ prompt: "x" }, {
      headers: { "Content-Type": "application/json", "X-Request-Id": "r1" },
    });
    const come = await events.until(({ data }) => data.requests?.[0]?.tokens === 1);
    assertEquals(come.name, "change");
    assertEquals(come.data.requests[0].id, "r1");
    held().push("two").complete();
    await reply.text();
    const gone = await events.until(({ data }) => data.gone !== undefined);
    assertEquals(gone.data.gone, [come.data.requests[0].number]);
    const counted = await events.until(({ data }) => data.recent?.requests.at(-1) + data.recent?.requests.at(-2) === 1);
    assertEquals(counted.data.recent.rejected.at(-1), 0);
    await events.close();
  }));

Deno.test("events come at most four times a second, and the last one says how things are", () =>
  withLive(async ({ url, fleet, infer }) => {
    const events = await Events.open(url);
    await events.next();
    const generate = async (exchange: ScriptedExchange) => {
      for (let i = 0; i < 100; i++) {
        exchange.push("token");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      exchange.complete();
    };
    fleet.script = (exchange) => void generate(exchange);
    const startedAt = performance.now();
    const reply = await infer({ prompt: "x" });
    const read = reply.text();
    let count = 0;
    await events.until(({ data }) => {
      count++;
      return data.gone !== undefined;
    });
    const seconds = (performance.now() - startedAt) / 1000;
    assert(count <= 4 * seconds + 2, `${count} events in ${seconds} s`);
    await read;
    await events.close();
  }));

Deno.test("events want a key, and a client sees its own requests only, an admin all", () =>
  withLive(async ({ url, fleet, infer }) => {
    const refused = await fetch(`${url}/events`);
    assertEquals([refused.status, (await refused.json()).type], [401, "unauthorized"]);

    const held = hold(fleet);
    const reply = await infer({ prompt: "x" }, bearer("sk-one"));
    const seen = async (key: string): Promise<number> => {
      const events = await Events.open(url, bearer(key));
      const snapshot = await events.next();
      await events.close();
      return snapshot?.data.requests?.length ?? 0;
    };
    assertEquals([await seen("sk-one"), await seen("sk-two")], [1, 1]);
    held().complete();
    await reply.text();
  }, ADMIN));

Deno.test("without being admin the requests of others are not shown", () =>
  withLive(async ({ url, fleet, infer }) => {
    const held = hold(fleet);
    const reply = await infer({ prompt: "x" }, bearer("sk-one"));
    const events = await Events.open(url, bearer("sk-two"));
    assertEquals((await events.next())?.data.requests, undefined);
    await events.close();
    held().complete();
    await reply.text();
  }, KEYS));

Deno.test("stopping the server ends the events", () =>
  withLive(async ({ url, http }) => {
    const events = await Events.open(url);
    await events.next();
    await http.stop(0);
    while (await events.next() !== undefined);
  }));

Deno.test("HEAD /events answers without a body and follows nothing", () =>
  withLive(async ({ url }) => {
    const reply = await fetch(`${url}/events`, { method: "HEAD" });
    assertEquals([reply.status, await reply.text()], [200, ""]);
  }));

Deno.test("the 65th reader of events is turned away", () =>
  withLive(async ({ url }) => {
    const all = await Promise.all(Array.from({ length: 64 }, () => Events.open(url)));
    const refused = await fetch(`${url}/events`);
    assertEquals([refused.status, (await refused.json()).type], [503, "overloaded"]);
    await Promise.all(all.map((events) => events.close()));
  }));

Deno.test("a client cancels its own stream, which says so in its last line; the outcome is cancelled", () =>
  withLive(async ({ url, fleet, infer, observer }) => {
    hold(fleet);
    const headers = { ...bearer("sk-one").headers, "X-Request-Id": "mine" };
    const reply = await infer({ prompt: "x" }, { headers });
    const other = await fetch(`${url}/requests/mine`, { method: "DELETE", ...bearer("sk-two") });
    assertEquals([other.status, (await other.json()).type], [404, "not_found"]);
    const cancelled = await fetch(`${url}/requests/mine`, { method: "DELETE", ...bearer("sk-one") });
    assertEquals(cancelled.status, 204);
    const lines = parseLines(await reply.text()) as { type?: string }[];
    assertEquals(lines.at(-1)?.type, "cancelled");
    assertEquals(observer.results.map(({ outcome }) => outcome), ["cancelled"]);
  }, KEYS));

Deno.test("a request that has not begun to answer is cancelled with 499", () =>
  withLive(async ({ url, fleet, infer }) => {
    fleet.script = (exchange) => void exchange;
    const reply = infer({ prompt: "x" }, { headers: { ...bearer("sk-one").headers, "X-Request-Id": "a/b" } });
    await until(() => fleet.calls.length === 1);
    const cancelled = await fetch(`${url}/requests/a%2Fb`, { method: "DELETE", ...bearer("sk-one") });
    assertEquals(cancelled.status, 204);
    const { status, ...rest } = await reply;
    assertEquals(status, 499, Deno.inspect(rest));
    assertStringIncludes(await (await reply).text(), "cancelled");
  }, KEYS));

Deno.test("without keys nobody cancels", () =>
  withLive(async ({ url, fleet, infer }) => {
    const held = hold(fleet);
    const reply = await infer({ prompt: "x" }, {
      headers: { "Content-Type": "application/json", "X-Request-Id": "r" },
    });
    const refused = await fetch(`${url}/requests/r`, { method: "DELETE" });
    assertEquals([refused.status, (await refused.json()).type], [404, "not_found"]);
    held().complete();
    await reply.text();
  }));

Deno.test("an admin cancels the requests of others", () =>
  withLive(async ({ url, fleet, infer }) => {
    hold(fleet);
    const reply = await infer({ prompt: "x" }, { headers: { ...bearer("sk-one").headers, "X-Request-Id": "theirs" } });
    const cancelled = await fetch(`${url}/requests/theirs`, { method: "DELETE", ...bearer("sk-two") });
    assertEquals(cancelled.status, 204);
    assertStringIncludes(await reply.text(), "cancelled");
  }, ADMIN));

Deno.test("a reload ends every feed, so that a key that is gone is not followed any further", () =>
  withLive(async ({ url, reconfigure }) => {
    const events = await Events.open(url, bearer("sk-one"));
    assertEquals((await events.next())?.name, "snapshot");
    reconfigure({ clients: [TWO] });
    while (await events.next() !== undefined);
    const again = await fetch(`${url}/events`, bearer("sk-one"));
    assertEquals([again.status, (await again.json()).type], [401, "unauthorized"]);
  }, KEYS));
