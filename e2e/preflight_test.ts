import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { freePort } from "../tests/support/ports.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { modelFolder, testModel } from "./support/test_model.ts";

/** What `modeld check` came to: its exit code, what it printed by check (its mark, its time, what it found), and its end. */
interface Checked {
  readonly code: number;
  readonly lines: Readonly<Record<string, string>>;
  readonly left: string;
  readonly verdict: string;
}

/** A line of a check, and the remedy on the one after it. */
const LINE = /^([✓✗–]) ([a-z -]+?) {2,}([\d.]+m?s)? {2,}(.*(?:\n +→ .*)?)$/gm;

async function check(url: URL, ...args: readonly string[]): Promise<Checked> {
  const process = Daemon.spawn({ args: ["check", "--llama-url", url.href, ...args] });
  const { code } = await process.exited;
  const text = process.stdoutLines.join("\n");
  const lines = [...text.matchAll(LINE)].map(([, mark, name, time, found]) => [name, `${mark} ${time ?? ""} ${found}`]);
  const left = /^– not checked .*$/m.exec(text)?.[0] ?? "";
  return { code, lines: Object.fromEntries(lines), left, verdict: process.stdoutLines.at(-1) ?? "" };
}

function assertAllOk(lines: Checked["lines"]): void {
  assertEquals(Object.keys(lines).length, 6);
  for (const line of Object.values(lines)) assertMatch(line, /^✓ [\d.]+m?s /);
}

async function withSingle(args: readonly string[], test: (llama: RealLlamaServer) => Promise<void>): Promise<void> {
  const model = await testModel();
  try {
    const llama = await RealLlamaServer.start(["-t", "1", "-m", model.path, "-c", "512", "-np", "1", ...args]);
    try {
      await test(llama);
    } finally {
      await llama.stop();
    }
  } finally {
    await model.remove();
  }
}

async function withRouter(args: readonly string[], test: (llama: RealLlamaServer) => Promise<void>): Promise<void> {
  const folder = await modelFolder(["a", "b"]);
  try {
    const routed = ["-t", "1", "--models-dir", folder.path, "-c", "512", "-np", "1"];
    const llama = await RealLlamaServer.start([...routed, ...args]);
    try {
      await test(llama);
    } finally {
      await llama.stop();
    }
  } finally {
    await folder.remove();
  }
}

/** A llama-server that says that it is loading until it is killed: its model is a pipe that nobody writes into. */
async function withLoading(test: (llama: RealLlamaServer) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "modeld-e2e-" });
  try {
    const path = `${folder}/never.gguf`;
    assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    const llama = RealLlamaServer.launch(["-m", path]);
    try {
      await llama.process.line(/loading model/);
      await test(llama);
    } finally {
      await llama.stop("SIGKILL");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a single model passes every check", async () => {
  await withSingle([], async (llama) => {
    const { code, lines } = await check(llama.url);
    assertEquals(code, 0);
    assertAllOk(lines);
    assertMatch(lines["kind of server"] ?? "", /a single model, build /);
  });
});

Deno.test("a wrong key fails at the model list, the right one passes", async () => {
  await withSingle(["--api-key", "sk-right"], async (llama) => {
    const wrong = await check(llama.url, "--llama-api-key", "sk-wrong");
    assertEquals(wrong.code, 1);
    assertMatch(wrong.lines["model list"] ?? "", /^✗ .*\n.*--llama-api-key-file/);
    assertStringIncludes(wrong.left, "dry run");
    assertEquals(JSON.stringify(wrong).includes("sk-wrong"), false);
    assertEquals((await check(llama.url, "--llama-api-key", "sk-right")).code, 0);
  });
});

Deno.test("a router passes, and its default model is loaded and generates", async () => {
  await withRouter([], async (llama) => {
    const { code, lines } = await check(llama.url, "--default-model", "a.gguf");
    assertEquals(code, 0);
    assertAllOk(lines);
    assertMatch(lines["kind of server"] ?? "", /a router, build /);
    assertMatch(lines["default model"] ?? "", / a$/);
  });
});

Deno.test("a router without a default model passes, and nothing is loaded for it", async () => {
  await withRouter([], async (llama) => {
    const { code, lines } = await check(llama.url);
    assertEquals(code, 0);
    assertMatch(lines["default model"] ?? "", /^– /);
    assertMatch(lines["dry run"] ?? "", /^– /);
    const list = await (await fetch(new URL("/models", llama.url))).json();
    assertEquals(list.data.map((model: { status: { value: string } }) => model.status.value), ["unloaded", "unloaded"]);
  });
});

Deno.test("a router that loads nothing by itself is not made to by the dry run", async () => {
  await withRouter(["--no-models-autoload"], async (llama) => {
    const { code, lines } = await check(llama.url, "--default-model", "a");
    assertEquals(code, 0);
    assertMatch(lines["dry run"] ?? "", /^– .*the router loads nothing by itself/);
  });
});

Deno.test("a default model that the router does not have fails, and the message lists what it has", async () => {
  await withRouter([], async (llama) => {
    const { code, lines } = await check(llama.url, "--default-model", "c");
    assertEquals(code, 1);
    assertMatch(lines["default model"] ?? "", /^✗ .*"c" is none of a, b/);
  });
});

Deno.test("a server that is loading fails the check, at once or after preflight-wait", async () => {
  await withLoading(async (llama) => {
    const atOnce = await check(llama.url);
    assertEquals(atOnce.code, 1);
    assertMatch(atOnce.lines["llama-server reachable"] ?? "", /^✗ .*loading.*\n.*--preflight-wait/);
    const later = await check(llama.url, "--preflight-wait", "1s");
    assertEquals(later.code, 1);
    const [, time = "", unit] = /^✗ ([\d.]+)(m?s)/.exec(later.lines["llama-server reachable"] ?? "") ?? [];
    const ms = Number(time) * (unit === "s" ? 1_000 : 1);
    assert(ms >= 900 && ms < 2_000, `${ms} ms`);
  });
});

Deno.test("while a server is loading modeld listens: healthz 200, readyz 503, infer 503", async () => {
  await withLoading(async (llama) => {
    const modeld = await Daemon.start({ args: ["--llama-url", llama.url.href, "--preflight-wait", "60s"] });
    try {
      await modeld.process.line(/waiting for llama-server/);
      assertEquals((await modeld.get("/healthz")).status, 200);
      await eventually("readyz says loading", async () => (await modeld.get("/readyz")).text === "loading");
      assertEquals((await modeld.get("/readyz")).status, 503);
      const reply = await infer(modeld.url, { prompt: "Once" });
      assertEquals([reply.status, (await reply.last()).type], [503, "loading"]);
    } finally {
      assertEquals((await modeld.stop()).code, 0);
    }
  });
});

Deno.test("a server that is absent fails the check, which is the verdict", async () => {
  const { code, lines, verdict } = await check(new URL(`http://127.0.0.1:${freePort()}`));
  assertEquals(code, 1);
  assertMatch(lines["llama-server reachable"] ?? "", /^✗ .*\n.*Start llama-server/);
  assertMatch(verdict, /^✗ llama-server reachable failed: 1 passed, 4 left out/);
});

Deno.test("with preflight-wait modeld and llama-server may start in any order", async () => {
  const model = await testModel();
  const port = freePort();
  const modeld = await Daemon.start({ args: ["--llama-url", `http://127.0.0.1:${port}`, "--preflight-wait", "60s"] });
  try {
    await modeld.process.line(/waiting for llama-server/);
    const llama = RealLlamaServer.launch(["-t", "1", "-m", model.path, "-c", "512"], { port });
    try {
      await modeld.ready();
      assertEquals((await (await infer(modeld.url, { prompt: "Once", max_tokens: 2 })).last()).done, true);
    } finally {
      await llama.stop();
    }
  } finally {
    await modeld.stop("SIGKILL");
    await model.remove();
  }
});
