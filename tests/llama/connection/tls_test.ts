import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../../src/errors.ts";
import type { LlamaOptions } from "../../../src/llama/llama_adapter.ts";
import { completionStream } from "../../support/wire_streams.ts";
import { adapterTo, never, readAll } from "../adapter_under_test.ts";

Deno.test("a generation streams over https from a server with a private CA's certificate", async () => {
  await withTlsServer({ caCerts: [pem("ca")] }, async (adapter) => {
    assertEquals((await readAll(await adapter.generate({ prompt: "Once" }, never))).fragments, [" a", " b"]);
  });
});

Deno.test("a certificate that is not trusted is unreachable, with the remedy", async () => {
  await withTlsServer({}, async (adapter) => {
    const error = await assertRejects(() => adapter.generate({ prompt: "Once" }, never), ModeldError);
    assertEquals(error.kind, "unreachable");
    assertStringIncludes(error.message, "--llama-ca-file");
  });
});

async function withTlsServer(
  options: Partial<LlamaOptions>,
  test: (adapter: ReturnType<typeof adapterTo>) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: pem("server"), key: pem("server_key"), onListen: () => {} },
    ({ method }) => method === "GET" ? Response.json({ data: [] }) : new Response(completionStream([" a", " b"])),
  );
  const adapter = adapterTo(new URL(`https://127.0.0.1:${server.addr.port}`), options);
  try {
    await test(adapter);
  } finally {
    adapter.close();
    await server.shutdown();
  }
}

function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`../tls/${name}.pem`, import.meta.url));
}
