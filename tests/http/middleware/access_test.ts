import { assertEquals, assertStringIncludes } from "@std/assert";
import { digestKey, plainClient } from "../../../src/base/client.ts";
import { configureLog } from "../../../src/telemetry/log.ts";
import { bodyOf, withServer } from "../with_server.ts";

const KEYS = ["sk-one", "sk-two"];
const CLIENTS = await Promise.all(KEYS.map(async (key) => plainClient(key.slice(3), [await digestKey(key)])));

function bearer(key: string): RequestInit {
  return { headers: { "Content-Type": "application/json", "Authorization": `Bearer ${key}` } };
}

Deno.test("without keys, no key is asked for", () =>
  withServer(async ({ infer }) => {
    assertEquals((await (await infer({ prompt: "a" })).text()).includes("done"), true);
  }));

for (
  const [name, init] of [["no key", {}], ["a wrong key", bearer("sk-thr")], ["half a key", bearer("sk-on")]] as const
) {
  Deno.test(`with ${name}, an inference is 401 and never reaches the fleet`, () =>
    withServer(async ({ infer, fleet, observer }) => {
      const reply = await infer({ prompt: "a" }, init);
      assertEquals(reply.status, 401);
      assertEquals(reply.headers.get("www-authenticate"), 'Bearer realm="modeld"');
      const error = await reply.json();
      assertEquals([error.code, error.type], [401, "unauthorized"]);
      assertEquals(fleet.calls.length, 0);
      assertEquals(await observer.outcomes(), ["rejected"]);
    }, { clients: CLIENTS }));
}

for (const authorization of ["Basic c2stb25l", "sk-one", "Bearer", "Bearer sk-one sk-two", "Bearer sk-one,"]) {
  Deno.test(`Authorization "${authorization}" is no key`, () =>
    withServer(async ({ url }) => {
      const reply = await fetch(`${url}/models`, { headers: { authorization } });
      assertEquals(reply.status, 401);
      await reply.body?.cancel();
    }, { clients: CLIENTS }));
}

for (const key of KEYS) {
  Deno.test(`the key ${key} opens every route, whatever the case of the scheme`, () =>
    withServer(async ({ url, infer }) => {
      await (await infer({ prompt: "a" }, bearer(key))).text();
      for (const path of ["/models", "/status"]) {
        const reply = await fetch(url + path, { headers: { authorization: `bearer ${key}` } });
        assertEquals(reply.status, 200);
        await reply.body?.cancel();
      }
    }, { clients: CLIENTS }));
}

Deno.test("what is refused on any route is logged with address and client, once, and counted beyond a limit", () =>
  withServer(async ({ url, http }) => {
    const lines: Record<string, unknown>[] = [];
    configureLog({ level: "info", format: "json", write: (line) => lines.push(JSON.parse(line)) });
    try {
      const paths = ["/nothing", "/status", "/requests/none"];
      for (const path of paths) {
        const init = path === "/status" ? {} : bearer("sk-one");
        const reply = await fetch(url + path, { method: path.startsWith("/req") ? "DELETE" : "GET", ...init });
        await reply.body?.cancel();
      }
      for (let n = 0; n < 10; n++) await (await fetch(`${url}/status`)).body?.cancel();
      assertEquals(lines.slice(0, 3).map(({ message, status, path }) => [message, status, path]), [
        ["a client was refused", 404, "/nothing"],
        ["a client was refused", 401, "/status"],
        ["a client was refused", 404, "/requests/none"],
      ]);
      assertEquals(lines.slice(0, 3).map(({ client, address }) => [client, address]), [
        [undefined, "127.0.0.1"],
        [undefined, "127.0.0.1"],
        ["one", "127.0.0.1"],
      ]);
      await http.stop(0);
      assertEquals([lines.length, lines.at(-1)?.["left_out"]], [11, 3]);
    } finally {
      configureLog(undefined);
    }
  }, { clients: CLIENTS }));

Deno.test("healthz and readyz ask for no key, all else does", () =>
  withServer(async ({ url }) => {
    const statuses: Record<string, number> = {};
    for (const path of ["/healthz", "/readyz", "/models", "/status", "/extra"]) {
      const reply = await fetch(url + path);
      statuses[path] = reply.status;
      await reply.body?.cancel();
    }
    assertEquals(statuses, { "/healthz": 200, "/readyz": 200, "/models": 401, "/status": 401, "/extra": 401 });
  }, { clients: CLIENTS, routes: [{ method: "GET", path: "/extra", handle: () => new Response("secret") }] }));

Deno.test("beyond the limit of concurrent requests a request is 503, and healthz is answered", () =>
  withServer(async ({ url, infer, fleet, observer, metrics }) => {
    fleet.script = (exchange) => exchange.push("a");
    const running = [await infer({ prompt: "a" }), await infer({ prompt: "a" })];
    const reply = await infer({ prompt: "a" });
    assertEquals([reply.status, reply.headers.get("retry-after")], [503, "1"]);
    const error = await reply.json();
    assertEquals(error.type, "overloaded");
    assertStringIncludes(error.error, "2 requests are being answered");
    assertEquals(await (await fetch(`${url}/healthz`)).text(), "ok");
    for (const stream of running) await stream.body?.cancel();
    await metrics.idle();
    assertEquals((await observer.outcomes(3)).sort(), ["cancelled", "cancelled", "rejected"]);
    assertEquals(metrics.overloads, ["/infer"]);
    const next = await fetch(`${url}/models`);
    assertEquals(next.status, 200);
    await next.body?.cancel();
  }, { maxConcurrentRequests: 2 }));

Deno.test("beyond its limit a key's inference is 429, another key's is served, and the place is free again after", () =>
  withServer(async ({ infer, fleet, metrics }) => {
    fleet.script = (exchange) => exchange.push("a");
    const running = await infer({ prompt: "a" }, bearer("sk-one"));
    const refused = await infer({ prompt: "a" }, bearer("sk-one"));
    assertEquals(refused.status, 429);
    assertEquals((await refused.json()).type, "client_limit");
    const other = await infer({ prompt: "a" }, bearer("sk-two"));
    assertEquals(other.status, 200);
    for (const reply of [running, other]) await bodyOf(reply).cancel();
    await metrics.idle();
    const again = await infer({ prompt: "a" }, bearer("sk-one"));
    assertEquals(again.status, 200);
    await bodyOf(again).cancel();
  }, { clients: CLIENTS, maxInflightPerClient: 1 }));

Deno.test("without keys the limit is for each remote address", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => exchange.push("a");
    const running = await infer({ prompt: "a" });
    const refused = await infer({ prompt: "a" });
    assertEquals(refused.status, 429);
    await refused.body?.cancel();
    await bodyOf(running).cancel();
  }, { maxInflightPerClient: 1 }));

Deno.test("behind a trusted proxy the limit is for each client that it names", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => exchange.push("a");
    const from = (client: string) => {
      return infer({ prompt: "a" }, { headers: { "Content-Type": "application/json", "X-Forwarded-For": client } });
    };
    const running = [await from("192.0.2.1"), await from("1.2.3.4, 192.0.2.2")];
    const refused = await from("192.0.2.2");
    assertEquals([...running, refused].map(({ status }) => status), [200, 200, 429]);
    await refused.body?.cancel();
    for (const reply of running) await bodyOf(reply).cancel();
  }, { maxInflightPerClient: 1, trustedProxies: ["127.0.0.1"] }));

Deno.test("more headers than the limit are refused, as many are not", () =>
  withServer(async ({ url }) => {
    const headersOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "1"]));
    // Deno's fetch adds accept, accept-encoding, accept-language, host and user-agent of its own.
    const own = 5;
    const accepted = await fetch(`${url}/healthz`, { headers: headersOf(20 - own) });
    assertEquals([accepted.status, await accepted.text()], [200, "ok"]);
    const refused = await fetch(`${url}/healthz`, { headers: headersOf(21 - own) });
    assertEquals(refused.status, 400);
    assertStringIncludes((await refused.json()).error, "the request has 21 headers, the limit is 20");
  }, { maxHeaderCount: 20 }));

Deno.test("path and query longer than the limit are refused, as long are not", () =>
  withServer(async ({ url }) => {
    const accepted = await fetch(`${url}/healthz?${"a".repeat(100 - "/healthz?".length)}`);
    assertEquals([accepted.status, await accepted.text()], [200, "ok"]);
    const refused = await fetch(`${url}/healthz?${"a".repeat(101 - "/healthz?".length)}`);
    assertEquals(refused.status, 400);
    assertStringIncludes((await refused.json()).error, "path and query have 101 characters, the limit is 100");
  }, { maxPathLength: 100 }));

Deno.test("a refused inference has the line of its end, and no second one", () =>
  withServer(async ({ infer, fleet }) => {
    const lines: string[] = [];
    configureLog({ level: "info", format: "json", write: (line) => lines.push(line) });
    try {
      fleet.script = (exchange) => exchange.push("a");
      const running = await infer({ prompt: "a" });
      const refused = await infer({ prompt: "a" });
      assertEquals(refused.status, 429);
      await refused.body?.cancel();
      await bodyOf(running).cancel();
      assertEquals(lines, []); // the observer of these tests logs nothing
    } finally {
      configureLog(undefined);
    }
  }, { maxInflightPerClient: 1 }));
const GATEWAY = { "Content-Type": "application/json", "x-gateway-inference-fairness-id": "tenant-1" };

Deno.test("a trusted gateway says whose turn a request is and which class it has, another word than a class is ignored", () =>
  withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (exchange) => exchange.push("a").complete();
    for (const objective of ["batch", "food-review", "interactive"]) {
      const headers = { ...GATEWAY, "x-llm-d-inference-objective": objective };
      await (await infer({ prompt: "a" }, { headers })).body?.cancel();
    }
    await observer.outcomes(3);
    assertEquals(fleet.calls.map(({ context: { fairnessId } }) => fairnessId), ["tenant-1", "tenant-1", "tenant-1"]);
    // None is raised above the class of its client.
    assertEquals(fleet.calls.map(({ context: { priority } }) => priority), ["batch", "default", "default"]);
    assertEquals(observer.timelines.map(({ client }) => client), ["other", "other", "other"], "never a label");
  }, { trustedProxies: ["127.0.0.1"] }));

Deno.test("what a client says in a gateway's headers counts for nothing, and neither does an id that is too long", async () => {
  const fairnessIdOf = async (options: { trustedProxies?: readonly string[] }, id: string) => {
    let seen: string | undefined = "";
    await withServer(async ({ infer, fleet, observer }) => {
      fleet.script = (exchange) => exchange.push("a").complete();
      const headers = { ...GATEWAY, "x-gateway-inference-fairness-id": id, "x-gateway-inference-objective": "batch" };
      await (await infer({ prompt: "a" }, { headers })).body?.cancel();
      await observer.outcomes();
      seen = fleet.calls[0]?.context.fairnessId;
    }, options);
    return seen;
  };
  assertEquals(await fairnessIdOf({}, "me"), undefined);
  assertEquals(await fairnessIdOf({ trustedProxies: ["127.0.0.1"] }, "x".repeat(257)), undefined);
});
