import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Readiness } from "../../src/dispatch/status.ts";
import { withServer } from "./with_server.ts";

Deno.test("healthz answers ok, whatever the fleet's state", () =>
  withServer(async ({ url, fleet }) => {
    fleet.state = "unreachable";
    const reply = await fetch(`${url}/healthz`);
    assertEquals([reply.status, await reply.text()], [200, "ok"]);
  }));

for (const state of ["ready", "loading", "unreachable", "not configured", "draining"] satisfies Readiness[]) {
  Deno.test(`readyz says ${state} when the fleet does`, () =>
    withServer(async ({ url, fleet }) => {
      fleet.state = state;
      const reply = await fetch(`${url}/readyz`);
      assertEquals([reply.status, await reply.text()], [state === "ready" ? 200 : 503, state]);
    }));
}

Deno.test("models lists what the fleet knows", () =>
  withServer(async ({ url, fleet }) => {
    fleet.modelList = [{ id: "a", name: "A", path: "/m/a.gguf", quant: "Q4_0" }];
    const reply = await fetch(`${url}/models`);
    assertEquals(reply.headers.get("content-type"), "application/json");
    assertEquals(await reply.json(), { models: fleet.modelList });
  }));

Deno.test("status is the fleet's", () =>
  withServer(async ({ url, fleet }) => {
    fleet.statusReply = { instances: [], loads_total: 3 };
    assertEquals(await (await fetch(`${url}/status`)).json(), { instances: [], loads_total: 3 });
  }));

Deno.test("an unknown path is 404 with the JSON error, and no series of its own", () =>
  withServer(async ({ url, metrics }) => {
    const reply = await fetch(`${url}/nothing?x=1`);
    assertEquals(reply.status, 404);
    assertEquals(reply.headers.get("content-type"), "application/json");
    const { error, ...rest } = await reply.json();
    assertEquals(rest, { code: 404, type: "not_found" });
    assertStringIncludes(error, "no such path: /nothing; there are /healthz, /readyz, /infer, ");
    const named: string[] = error.split("there are ")[1].split(", ");
    const known = ["/v1/chat/completions", "/v1/messages", "/v1/models/{id}", "/events", "/requests/{id}", "/"];
    assertEquals(known.filter((path) => !named.includes(path)), []);
    for (const path of named) {
      const there = await fetch(url + path, { method: "OPTIONS" });
      await there.body?.cancel();
      assertEquals(there.status, 405, path);
    }
    await metrics.idle();
    assertEquals(metrics.endedRequests.map(({ path, status }) => [path, status])[0], ["other", 404]);
  }));

for (
  const [method, path, allow] of [
    ["GET", "/infer", "POST"],
    ["HEAD", "/infer", "POST"],
    ["POST", "/healthz", "GET, HEAD"],
    ["DELETE", "/models", "GET, HEAD"],
  ] as const
) {
  Deno.test(`${method} ${path} is 405 and allows ${allow}`, () =>
    withServer(async ({ url }) => {
      const reply = await fetch(url + path, { method });
      assertEquals([reply.status, reply.headers.get("allow")], [405, allow]);
      const error = await reply.text();
      if (method !== "HEAD") assertEquals(JSON.parse(error).type, "method_not_allowed");
    }));
}

for (const path of ["/healthz", "/readyz", "/models", "/status"]) {
  Deno.test(`HEAD ${path} is answered as GET, without a body`, () =>
    withServer(async ({ url, fleet }) => {
      fleet.statusReply = { loads_total: 1 };
      const head = await fetch(url + path, { method: "HEAD" });
      const get = await fetch(url + path);
      assertEquals(await head.text(), "");
      assertEquals(head.status, get.status);
      assertEquals(head.headers.get("content-type"), get.headers.get("content-type"));
      assertEquals(head.headers.get("content-length"), String((await get.text()).length));
    }));
}

Deno.test("every answer forbids sniffing and carries a request id", () =>
  withServer(async ({ url }) => {
    for (const path of ["/healthz", "/models", "/infer", "/nothing"]) {
      const reply = await fetch(url + path);
      await reply.body?.cancel();
      assertEquals(reply.headers.get("x-content-type-options"), "nosniff");
      assertEquals(reply.headers.get("x-request-id")?.length, 36);
    }
  }));

Deno.test("no answer on /infer may be kept or held back by a proxy, those included that never reach its route", () =>
  withServer(async ({ url, infer }) => {
    const replies = [
      await infer({ prompt: "a" }),
      await infer({}),
      await infer({ prompt: "a" }, { query: `?${"x".repeat(2048)}` }),
      await fetch(`${url}/infer`),
      await fetch(`${url}/infer`, { method: "HEAD" }),
    ];
    assertEquals(replies.map(({ status }) => status), [200, 400, 400, 405, 405]);
    for (const { headers, body } of replies) {
      assertEquals([headers.get("cache-control"), headers.get("x-accel-buffering")], ["no-store", "no"]);
      await body?.cancel();
    }
  }));

Deno.test("the client's request id is returned where it is short and printable", () =>
  withServer(async ({ url }) => {
    for (const [sent, kept] of [["abc-1", true], ["x".repeat(128), true], ["x".repeat(129), false], ["a b", false]]) {
      const reply = await fetch(`${url}/healthz`, { headers: { "X-Request-Id": String(sent) } });
      await reply.text();
      assertEquals(reply.headers.get("x-request-id") === sent, kept);
    }
  }));

Deno.test("metrics name the route and the status", () =>
  withServer(async ({ url, infer, metrics }) => {
    await (await fetch(`${url}/healthz?x=1`)).text();
    await metrics.idle();
    await (await infer({ prompt: "a" })).text();
    await metrics.idle();
    assertEquals(metrics.endedRequests.map(({ path, method, status }) => [path, method, status]), [
      ["/healthz", "GET", 200],
      ["/infer", "POST", 200],
    ]);
  }));
