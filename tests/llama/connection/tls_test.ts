import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import type { LlamaOptions } from "../../../src/llama/connect.ts";
import { completionStream } from "../../support/wire_streams.ts";
import { never, readAll, serverAt } from "../server_under_test.ts";

Deno.test("a generation streams over https from a server with a private CA's certificate", async () => {
  await withTlsServer({ caCerts: [pem("ca")] }, async (llama) => {
    assertEquals((await readAll(await llama.generate({ prompt: "Once" }, never))).fragments, [" a", " b"]);
  });
});

Deno.test("a certificate that is not trusted is unreachable, with the remedy", async () => {
  await withTlsServer({}, async (llama) => {
    const error = await assertRejects(() => llama.generate({ prompt: "Once" }, never), ModeldError);
    assertEquals(error.kind, "unreachable");
    assertStringIncludes(error.message, "--llama-ca-file");
  });
});

async function withTlsServer(
  options: Partial<LlamaOptions>,
  test: (llama: ReturnType<typeof serverAt>) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: pem("server"), key: pem("server_key"), onListen: () => {} },
    ({ method }) => method === "GET" ? Response.json({ data: [] }) : new Response(completionStream([" a", " b"])),
  );
  const llama = serverAt(new URL(`https://127.0.0.1:${server.addr.port}`), options);
  try {
    await test(llama);
  } finally {
    llama.close();
    await server.shutdown();
  }
}

function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`../tls/${name}.pem`, import.meta.url));
}
