import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import project from "../../../deno.json" with { type: "json" };
import { howToGetOne, startUpstream } from "../../../tools/dev/upstream.ts";
import { SpawnedProcess } from "../../support/spawned_process.ts";
import { FakeLlamaHttpServer } from "../../support/fake_llama_http_server.ts";

/** `deno task dev`, with the tasks' own permissions. */
function dev(args: readonly string[], env: Record<string, string> = {}): SpawnedProcess {
  const task = project.tasks.dev.command.replace(/^deno /, "").split(" ");
  return new SpawnedProcess(Deno.execPath(), [...task, ...args], { MODELD_STD: "local", ...env });
}

/** Sends what the curl line sends. */
async function follow(curlLine: string): Promise<string> {
  const [, url = "", body = ""] = /curl -N (\S+) .* -d '(.*)'/.exec(curlLine) ?? [];
  const response = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
  return await response.text();
}

async function answers(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

Deno.test("dev prints a curl line that streams tokens, and stops what it started on Ctrl-C", async () => {
  const llama = await FakeLlamaHttpServer.start({ tokens: [" one", " two"] });
  const process = dev(["--addr", "127.0.0.1:0", "--llama-url", llama.url.href]);
  try {
    const [line, url] = await process.line(/curl -N (http:[^ ]*)\/infer .*/);
    const reply = await follow(line);
    assertStringIncludes(reply, '{"token":" one"}\n{"token":" two"}\n{"done":true,');
    assertEquals((await process.stop("SIGINT")).code, 0);
    assertEquals(await answers(`${url}/healthz`), false);
  } finally {
    await process.stop("SIGKILL");
    await llama.close();
  }
});

Deno.test("dev says which setting is wrong, and starts nothing", async () => {
  const { lines, exited } = dev(["--addr", "nonsense"]);
  assertEquals((await exited).code, 2);
  assertMatch(lines.join("\n"), /addr: "nonsense" .*is not an address/);
});

Deno.test("dev says that another program listens at its address, and does not take it for modeld", async () => {
  await using other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("ready"));
  const { lines, exited } = dev(["--addr", `127.0.0.1:${other.addr.port}`]);
  assertEquals((await exited).code, 1);
  assertMatch(
    lines.join("\n"),
    /^dev: another program listens at 127\.0\.0\.1:\d+: choose another address with --addr$/m,
  );
});

Deno.test("dev says which llama-server it was given and cannot find, without a stack", async () => {
  const { lines, exited } = dev([], { LLAMA_SERVER_BIN: "/nowhere/llama-server" });
  assertEquals((await exited).code, 1);
  assertMatch(lines.join("\n"), /^dev: LLAMA_SERVER_BIN names \/nowhere\/llama-server, which is no file$/m);
  assert(!lines.some((line) => line.startsWith("    at ")), lines.join("\n"));
});

/** Runs a test with `LLAMA_SERVER_BIN` as given, whatever the machine says. */
async function withLlamaServerBin(path: string | undefined, run: () => Promise<void>): Promise<void> {
  const before = Deno.env.get("LLAMA_SERVER_BIN");
  const set = (value: string | undefined) =>
    value === undefined ? Deno.env.delete("LLAMA_SERVER_BIN") : Deno.env.set("LLAMA_SERVER_BIN", value);
  set(path);
  try {
    await run();
  } finally {
    set(before);
  }
}

const noLlamaServer = () => {
  throw new Error("no llama-server");
};

Deno.test("without a llama-server, dev really generates, says by what, and how to get one", async () => {
  await withLlamaServerBin(undefined, async () => {
    const upstream = await startUpstream(noLlamaServer);
    try {
      assertStringIncludes(upstream.description, "modeld's own engine");
      assertStringIncludes(upstream.description, howToGetOne());
      const body = JSON.stringify({ prompt: "Once upon a time", temperature: 0, max_tokens: 2 });
      const response = await fetch(new URL("v1/completions", upstream.url), { method: "POST", body });
      assertMatch((await response.json()).choices[0].text, /^, /);
    } finally {
      await upstream.stop();
    }
    assertEquals(await answers(`${upstream.url}health`), false);
  });
});

Deno.test("each system is told its own way to a llama-server, and every one of the releases", () => {
  assertStringIncludes(howToGetOne("darwin"), "brew install llama.cpp");
  assertStringIncludes(howToGetOne("windows"), "winget install llama.cpp");
  assertStringIncludes(howToGetOne("linux"), "apt install llama.cpp");
  assertMatch(howToGetOne("freebsd"), /^To get llama-server: A release from https:/);
});

Deno.test("a llama-server that was named but is not there is not replaced by the engine", async () => {
  await withLlamaServerBin("/nowhere/llama-server", async () => {
    await assertRejects(() => startUpstream(), Error, "LLAMA_SERVER_BIN names /nowhere/llama-server");
  });
});
