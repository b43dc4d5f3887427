import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { scannedFields, v1Routes } from "../../../../src/http/api/v1/routes.ts";
import { LAST_CHUNK, replyJson, STREAM_HEAD } from "../../../support/replies.ts";
import { V1_WIRES } from "../../../support/v1_wire.ts";
import { jsonObjects } from "./json_sources.ts";
import { bytesOf, scan } from "./scan.ts";
import { post, withLlama } from "./with_llama.ts";

const utf8 = new TextEncoder();

/** Streams as llama-server may send them: any text, signs of life between the events, either end of line. */
const streams = fc.record({
  wire: fc.constantFrom(...V1_WIRES),
  tokens: fc.array(fc.string({ unit: "binary", maxLength: 12 }), { maxLength: 6 }),
  comment: fc.constantFrom("", ":\n\n", ": ping\n\n"),
  newline: fc.constantFrom("\n", "\r\n"),
}).map(({ wire, tokens, comment, newline }) => {
  const stream = wire.stream(tokens).split(/(?<=\n\n)/).map((event) => comment + event).join("");
  return { wire, bytes: utf8.encode(stream.replaceAll("\n", newline)) };
});

/** Where a stream is cut, as fractions of its length. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

Deno.test("any valid stream, sliced anywhere, comes out byte for byte on the path of its API", async () => {
  await withLlama(async ({ url, llama }) => {
    await fc.assert(
      fc.asyncProperty(streams, cuts, async ({ wire, bytes }, cuts) => {
        llama.next(async (exchange) => {
          await exchange.send(STREAM_HEAD);
          const ends = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
          let start = 0;
          for (const end of ends) {
            if (end > start) await exchange.send(framed(bytes.subarray(start, end)));
            start = end;
            await new Promise((resolve) => setTimeout(resolve, 0)); // the next slice is to be read alone
          }
          await exchange.send(LAST_CHUNK);
          await exchange.close();
        });
        const reply = await post(url, wire.path, JSON.stringify(wire.body));
        assertEquals([reply.status, reply.headers.get("content-type")], [200, "text/event-stream"]);
        assertEquals(await reply.bytes(), bytes);
      }),
      { numRuns: 100 },
    );
  });
});

/** A chunk of a chunked body, of bytes that may end within a character. */
function framed(bytes: Uint8Array): Uint8Array {
  const before = `${bytes.length.toString(16)}\r\n`;
  const after = "\r\n";
  const all = new Uint8Array(before.length + bytes.length + after.length);
  all.set(utf8.encode(before));
  all.set(bytes, before.length);
  all.set(utf8.encode(after), before.length + bytes.length);
  return all;
}

const route = v1Routes.find(({ paths }) => paths.includes("/v1/completions"));
const fields = route === undefined ? [] : scannedFields(route);

for (const routerModel of [undefined, 'the "router\'s" own']) {
  const but = routerModel === undefined ? "" : " but for the name of its model";
  Deno.test(`any valid body of a request reaches llama-server byte for byte${but}`, async () => {
    await withLlama(async ({ url, llama, one }) => {
      one.routerModel = routerModel;
      llama.on("POST /v1/completions", (exchange) => replyJson(exchange, 200, "{}"));
      let passed = 0;
      await fc.assert(
        fc.asyncProperty(jsonObjects, async ({ text }) => {
          const scanned = await scan(text, { fields });
          fc.pre(scanned.ok && !scanned.fields.has("id_slot"));
          const model = scanned.ok ? scanned.fields.get("model") : undefined;
          fc.pre(model === undefined || model.kind === "string" || model.kind === "null");
          fc.pre(routerModel === undefined || model !== undefined);
          const reply = await post(url, "/v1/completions", text);
          assertEquals([reply.status, await reply.text()], [200, "{}"]);
          assertEquals(
            llama.posts.at(-1)?.body,
            renamed(text, routerModel === undefined ? undefined : model, routerModel),
          );
          passed++;
        }),
        { numRuns: 300 },
      );
      assertEquals(llama.posts.length, passed);
    });
  });
}

/** The text with another name where the model stands. */
function renamed(text: string, at: { start: number; end: number } | undefined, name: string | undefined): string {
  if (at === undefined) return text;
  const bytes = bytesOf(text);
  const [before, after] = [bytes.subarray(0, at.start), bytes.subarray(at.end)].map((part) =>
    new TextDecoder().decode(part)
  );
  return before + JSON.stringify(name) + after;
}
