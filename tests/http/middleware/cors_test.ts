import { assert, assertEquals } from "@std/assert";
import { digestKey, plainClient } from "../../../src/base/client.ts";
import type { CorsOptions } from "../../../src/http/middleware/cors.ts";
import { ModeldError } from "../../../src/base/errors.ts";
import { withServer } from "../with_server.ts";

const CLIENTS = [plainClient("one", [await digestKey("sk-one")])];

const cors: CorsOptions = {
  origins: ["https://app.example", "https://*.team.example"],
  methods: ["GET", "POST", "OPTIONS"],
  headers: ["Accept", "Authorization", "Content-Type", "X-Requested-With", "X-Log-Level"],
};

function preflight(origin: string, method: string, headers?: string): RequestInit {
  return {
    method: "OPTIONS",
    headers: {
      "Origin": origin,
      "Access-Control-Request-Method": method,
      ...(headers === undefined ? {} : { "Access-Control-Request-Headers": headers }),
    },
  };
}

Deno.test("a preflight from an allowed origin is told what it may send, for 300 seconds, without credentials", () =>
  withServer(async ({ url }) => {
    const reply = await fetch(`${url}/infer`, preflight("https://app.example", "POST", "content-type, x-log-level"));
    assertEquals([reply.status, await reply.text()], [204, ""]);
    assertEquals(reply.headers.get("access-control-allow-origin"), "https://app.example");
    assertEquals(reply.headers.get("access-control-allow-methods"), "GET, POST, OPTIONS");
    assertEquals(reply.headers.get("access-control-allow-headers"), cors.headers.join(", "));
    assertEquals(reply.headers.get("access-control-max-age"), "300");
    assertEquals(reply.headers.get("access-control-allow-credentials"), null);
    assertEquals(reply.headers.get("vary"), "Origin");
  }, { cors }));

Deno.test("a preflight needs no key, for browsers send none", () =>
  withServer(async ({ url }) => {
    const reply = await fetch(`${url}/infer`, preflight("https://app.example", "POST", "authorization"));
    assertEquals([reply.status, reply.headers.get("access-control-allow-origin")], [204, "https://app.example"]);
  }, { cors, clients: CLIENTS }));

for (
  const [name, init] of [
    ["method", preflight("https://app.example", "DELETE")],
    ["header", preflight("https://app.example", "POST", "x-other")],
  ] as const
) {
  Deno.test(`a preflight for a ${name} that is not allowed is told of nothing`, () =>
    withServer(async ({ url }) => {
      const reply = await fetch(`${url}/infer`, init);
      assertEquals([reply.status, reply.headers.get("access-control-allow-methods")], [204, null]);
    }, { cors }));
}

for (
  const [origin, allowed] of [
    ["https://app.example", true],
    ["https://APP.example", true],
    ["http://app.example", false],
    ["https://app.example.evil", false],
    ["https://app.example:8443", false],
    ["https://one.team.example", true],
    ["https://team.example", false],
    ["https://.team.example", false],
    ["https://one.team.example.evil", false],
    ["null", false],
  ] as const
) {
  Deno.test(`a page of ${origin} may ${allowed ? "" : "not "}read a reply`, () =>
    withServer(async ({ url }) => {
      const reply = await fetch(`${url}/models`, { headers: { origin } });
      await reply.body?.cancel();
      assertEquals(reply.headers.get("access-control-allow-origin"), allowed ? origin : null);
      assertEquals(reply.headers.get("vary"), "Origin");
    }, { cors }));
}

Deno.test("errors and streams can be read by an allowed origin too", () =>
  withServer(async ({ url, infer, fleet }) => {
    const headers = { "Content-Type": "application/json", "Origin": "https://app.example" };
    const replies = [await infer({ prompt: "a" }, { headers }), await infer("{", { headers })];
    fleet.script = () => {
      throw new ModeldError("unreachable", "gone");
    };
    replies.push(await infer({ prompt: "a" }, { headers }), await fetch(`${url}/nothing`, { headers }));
    assertEquals(replies.map(({ status }) => status), [200, 400, 503, 404]);
    for (const reply of replies) {
      await reply.text();
      assertEquals(reply.headers.get("access-control-allow-origin"), "https://app.example");
    }
  }, { cors }));

Deno.test("the origin * allows every page", () =>
  withServer(async ({ url }) => {
    const reply = await fetch(`${url}/models`, { headers: { origin: "https://any.example" } });
    await reply.body?.cancel();
    assertEquals(reply.headers.get("access-control-allow-origin"), "*");
  }, { cors: { ...cors, origins: ["*"] } }));

Deno.test("without CORS no reply says a word of it, and OPTIONS is 405", () =>
  withServer(async ({ url }) => {
    const reply = await fetch(`${url}/infer`, preflight("https://app.example", "POST"));
    assertEquals([reply.status, reply.headers.get("allow")], [405, "POST"]);
    await reply.body?.cancel();
    for (const [name] of reply.headers) assertEquals(name.startsWith("access-control"), false);
  }));

Deno.test("without origins none is allowed", () =>
  withServer(async ({ url }) => {
    const reply = await fetch(`${url}/models`, { headers: { origin: "https://app.example" } });
    await reply.body?.cancel();
    assertEquals(reply.headers.get("access-control-allow-origin"), null);
  }, { cors: { ...cors, origins: [] } }));

Deno.test("a page may send what OpenAI's and Anthropic's SDKs send, and read what they read, on /v1", () =>
  withServer(async ({ url }) => {
    const sent = "authorization, content-type, x-api-key, x-stainless-lang, anthropic-version";
    const allowed = await fetch(`${url}/v1/messages`, preflight("https://app.example", "POST", sent));
    assertEquals(allowed.status, 204);
    const headers = allowed.headers.get("access-control-allow-headers")?.split(", ");
    for (const name of ["x-api-key", "x-stainless-lang", "anthropic-version"]) assert(headers?.includes(name), name);

    const reply = await fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: { "Origin": "https://app.example", "Content-Type": "application/json" },
      body: "{}",
    });
    await reply.text();
    assertEquals([reply.status, reply.headers.get("access-control-allow-origin")], [400, "https://app.example"]);
    const exposed = reply.headers.get("access-control-expose-headers")?.split(", ") ?? [];
    for (
      const name of ["X-Request-Id", "request-id", "x-should-retry", "Retry-After", "retry-after-ms", "X-Modeld-Server"]
    ) {
      assert(exposed.includes(name), name);
    }
  }, { cors }));
