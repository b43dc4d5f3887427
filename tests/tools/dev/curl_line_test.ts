import { assertEquals } from "@std/assert";
import { curlLine } from "../../../tools/dev/curl_line.ts";

/** The curl line for a modeld that lists these models. */
async function lineFor(...ids: string[]): Promise<string> {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => Response.json({ models: ids.map((id) => ({ id, name: id, path: "", quant: "" })) }),
  );
  const url = `http://127.0.0.1:${server.addr.port}`;
  return (await curlLine(url)).replace(url, "URL").trim();
}

Deno.test("with one model the curl line names none", async () => {
  assertEquals(
    await lineFor("tiny"),
    `curl -N URL/infer -H 'Content-Type: application/json' -d '{"prompt":"Once upon a time","max_tokens":32}'`,
  );
});

Deno.test("with several models the curl line names the first, safe for a shell", async () => {
  assertEquals(
    await lineFor("bob's", "other"),
    `curl -N URL/infer -H 'Content-Type: application/json' ` +
      String.raw`-d '{"model":"bob'\''s","prompt":"Once upon a time","max_tokens":32}'`,
  );
});
