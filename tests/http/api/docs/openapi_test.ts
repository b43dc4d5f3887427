import { assert, assertEquals } from "@std/assert";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { ErrorKind } from "../../../../src/base/errors.ts";
import { errorTable } from "../../../../src/http/error_table.ts";
import { parseInferRequest } from "../../../../src/http/api/infer/infer_request.ts";
import { descriptionRoutes } from "../../../../src/http/api/docs/description_routes.ts";
import { openApiDocument } from "../../../../src/http/api/docs/openapi.ts";
import { bodyOf, parseLines, withServer } from "../../with_server.ts";
import { v1Routes } from "../../../../src/http/api/v1/routes.ts";
import { ApiSchemas } from "../../../support/api_schemas.ts";

const document = openApiDocument("1.2.3");
const schemas = new ApiSchemas(document);

Deno.test("the description is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate({ ...structuredClone(document) });
  assertEquals({ valid, errors }, { valid: true, errors: undefined });
});

Deno.test("every documented example fits the schema it stands beside", () => {
  let examples = 0;
  for (const operations of Object.values(document.paths)) {
    for (const { requestBody, responses } of Object.values(operations)) {
      for (const { content } of [...requestBody === undefined ? [] : [requestBody], ...Object.values(responses)]) {
        for (const media of Object.values(content)) {
          const named = Object.values(media.examples ?? {}).map(({ value }) => value);
          for (const value of media.example === undefined ? named : [media.example, ...named]) {
            assertEquals(schemas.problemsOfBody(media.schema, value), []);
            examples++;
          }
        }
      }
    }
  }
  assert(examples > 30, `only ${examples} examples were found`);
});

Deno.test("every kind of error that a client can meet is documented under its status", () => {
  const documented = Object.entries(document.paths["/infer"]?.["post"]?.responses ?? {}).flatMap(([status, reply]) =>
    Object.keys(reply.content["application/json"]?.examples ?? {}).map((kind) => `${kind} ${status}`)
  );
  const unheard: readonly string[] = ["cancelled", "not_found", "method_not_allowed"];
  const expected = (Object.keys(errorTable) as ErrorKind[]).filter((kind) => !unheard.includes(kind))
    .map((kind) => `${kind} ${errorTable[kind].status}`);
  assertEquals(documented.sort(), expected.sort());
});

Deno.test("what the description says of a request's fields is what modeld checks", () => {
  const bodies: readonly unknown[] = [
    { prompt: "p" },
    { prompt: "p", model: null, stream: null, stop: null, seed: null, temperature: null },
    { prompt: "p", max_tokens: -1, temperature: 0.5, top_p: 1, top_k: 40, seed: 1, repeat_penalty: 1.1, stop: ["a"] },
    { prompt: "p", unknown: { a: 1 } },
    {},
    { prompt: 1 },
    { prompt: null },
    { prompt: "p", model: 1 },
    { prompt: "p", stream: "true" },
    { prompt: "p", max_tokens: 1.5 },
    { prompt: "p", seed: 2 ** 60 },
    { prompt: "p", top_k: "40" },
    { prompt: "p", temperature: "hot" },
    { prompt: "p", stop: "a" },
    { prompt: "p", stop: [1] },
    [],
    "text",
    null,
  ];
  for (const body of bodies) {
    let accepted = true;
    try {
      parseInferRequest(JSON.stringify(body), { maxDepth: 32, headers: {} });
    } catch {
      accepted = false; // Which error it is, validation_test.ts looks at.
    }
    assertEquals(schemas.problems("InferRequest", body).length === 0, accepted, JSON.stringify(body));
  }
});

Deno.test("every reply of /infer is as described: a stream, its failure, a refusal", async () => {
  await withServer(async ({ infer, fleet }) => {
    const lines = parseLines(await (await infer({ prompt: "p" })).text());
    assertEquals(lines.map((line) => schemas.problems("InferLine", line)), [[], [], []]);

    fleet.script = (exchange) => exchange.push("a").fail(new Error("broken"));
    const failed = parseLines(await (await infer({ prompt: "p" })).text());
    assertEquals(schemas.problems("Error", failed.at(-1)), []);

    const refused = await infer({ prompt: "" });
    assertEquals(schemas.problems("Error", await refused.json()), []);
  });
});

Deno.test("every described path is served by the method it is described with, and is what openapi.json describes", async () => {
  await withServer(async ({ url }) => {
    const served = await (await fetch(`${url}/openapi.json`)).json();
    assertEquals(served, JSON.parse(JSON.stringify(document)));
    for (const [path, operations] of Object.entries(document.paths)) {
      if (path === "/metrics") continue; // served by whoever has the metrics
      const reply = await fetch(url + path.replace("{id}", "x"), { method: "OPTIONS" });
      await bodyOf(reply).cancel();
      const [method = ""] = Object.keys(operations);
      assertEquals([reply.status, reply.headers.get("allow")?.split(",")[0]], [405, method.toUpperCase()], path);
    }
  }, { routes: descriptionRoutes("1.2.3") });
});

Deno.test("every path of the APIs that are passed on is described, by itself or as another name", () => {
  for (const { paths, upstream } of v1Routes) {
    const { summary = "", description = "" } = document.paths[upstream]?.["post"] ?? {};
    assert(summary !== "", upstream);
    for (const path of paths) assert(path === upstream || description.includes(`\`${path}\``), path);
  }
});

Deno.test("what modeld itself answers on /v1 is as described: models, and an error of each shape", async () => {
  await withServer(async ({ url, fleet }) => {
    fleet.modelList = [{ id: "a", name: "A", path: "/m/a.gguf", quant: "Q4_0" }];
    const get = async (path: string) => await (await fetch(url + path)).json();
    assertEquals(schemas.problems("Models", await get("/v1/models")), []);
    assertEquals(schemas.problems("Model", await get("/v1/models/a")), []);
    for (const { paths: [path = ""], api } of v1Routes) {
      const init = { method: "POST", body: "[]", headers: { "Content-Type": "application/json" } };
      const error = await (await fetch(url + path, init)).json();
      assertEquals(schemas.problems(api === "anthropic" ? "AnthropicError" : "OpenAiError", error), [], path);
    }
  });
});
