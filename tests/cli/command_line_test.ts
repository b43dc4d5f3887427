import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { Daemon } from "../support/daemon.ts";
import { withFile } from "../config/configure.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { runModeld } from "./run_modeld.ts";

for (const word of ["--version", "-v", "version"]) {
  Deno.test(`${word} prints the versions of modeld, Deno and V8`, async () => {
    const { code, stdout } = await runModeld([word]);
    assertEquals([code, stdout.length, stdout[0]], [0, 3, `modeld ${manifest.version}`]);
    assertMatch(stdout[1] ?? "", /^deno \d+\.\d+\.\d+/);
    assertMatch(stdout[2] ?? "", /^v8 \d+\.\d+/);
  });
}

for (const word of ["--help", "-help", "help"]) {
  Deno.test(`${word} prints every flag, whatever else is wrong`, async () => {
    const { code, stdout } = await runModeld([word, "--max-wait=30"]);
    assertEquals(code, 0);
    for (const flag of ["--llama-url URL", "--max-wait", "--watch", "--print-config"]) {
      assertStringIncludes(stdout.join("\n"), flag);
    }
  });
}

Deno.test("-h is one screen of 20 lines with an example, whatever else is wrong", async () => {
  const { code, stdout } = await runModeld(["-h", "--max-wait=30"]);
  assertEquals([code, stdout.length], [0, 20]);
  assertEquals(stdout.filter((line) => line.length > 100), []);
  for (const words of ["modeld --llama-url http", "status", "--help"]) assertStringIncludes(stdout.join("\n"), words);
});

Deno.test("every problem is reported at once, and the exit code is 2", async () => {
  await withFile(".yaml", "adr: x\nmax_inflight: many\n", async (path) => {
    const { code, stdout, stderr } = await runModeld(["--adr", ":1", "--config", path], { LLAMA_TIMEOUT: "5" });
    assertEquals([code, stdout], [2, []]);
    assertEquals(stderr, [
      'modeld: unknown flag "--adr"; did you mean --addr?',
      'modeld: llama_timeout: "5" has no unit: write a number with its unit, such as 300ms, 30s, 1m30s or 1h; 0 means none (variable LLAMA_TIMEOUT)',
      `modeld: unknown key "adr" in ${path}; did you mean addr?`,
      `modeld: max_inflight: "many" is not a whole number: a whole number from 0 to 100000 is allowed, without quotes (key max_inflight of ${path})`,
      "modeld: see modeld --help",
    ]);
  });
});

for (
  const [args, problem] of [
    [["serv"], 'unknown command "serv"; did you mean serve?'],
    [["rm", "-rf"], 'unknown command "rm"'],
    [["serve", "now"], 'unexpected "now" after serve'],
    [["--events", "false"], 'unknown command "false"; a flag takes it as --flag=false'],
    [["serve", "--events", "true"], 'unexpected "true" after serve; a flag takes it as --flag=true'],
    [["--watch"], "--watch is a flag of modeld status alone"],
    [["check", "--json"], "--json is a flag of modeld status alone"],
    [["status", "--url", "nowhere"], '--url: "nowhere" is no address: write http://HOST:PORT'],
    [["completions"], "say for which shell: bash, zsh or fish"],
    [["completions", "tcsh"], "say for which shell: bash, zsh or fish"],
    [["completions", "toString"], "say for which shell: bash, zsh or fish"],
  ] as const
) {
  Deno.test(`refused: modeld ${args.join(" ")}`, async () => {
    const { code, stderr } = await runModeld(args);
    assertEquals([code, stderr[0]], [2, `modeld: ${problem}`]);
  });
}

Deno.test("--print-config prints the effective settings and starts nothing", async () => {
  const { code, stdout, stderr } = await runModeld(["--print-config", "--addr=:9"], {
    LLAMA_API_KEY: "sk-never-shown",
  });
  assertEquals([code, stderr], [0, []]);
  assert(stdout.some((line) => /^addr: "0\.0\.0\.0:9" +# flag --addr$/.test(line)));
  assert(stdout.some((line) => /^# llama_api_key: \*\*\* +# variable LLAMA_API_KEY$/.test(line)));
  assertEquals(stdout.join("\n").includes("sk-never-shown"), false);
});

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`completions for ${shell} name every flag and no deprecated one`, async () => {
    const { code, stdout } = await runModeld(["completions", shell]);
    assertEquals(code, 0);
    const text = stdout.join("\n");
    for (const name of ["llama-url", "max-wait", "log-level", "print-config", "help", "watch"]) {
      assertStringIncludes(text, name);
    }
    for (const word of ["check", "health", "status", "warn"]) assertStringIncludes(text, word);
    assertEquals(text.includes("llama-bin"), false);
  });
}

Deno.test("health is 0 when modeld is ready", async () => {
  const fake = await FakeLlamaHttpServer.start();
  const daemon = await Daemon.start({ args: ["--llama-url", fake.url.href] });
  try {
    await daemon.ready();
    const { code, stdout } = await runModeld(["health"], { MODELD_ADDR: daemon.url.host });
    assertEquals([code, stdout], [0, ["ready"]]);
  } finally {
    await daemon.stop();
    await fake.close();
  }
});

Deno.test("health is 1 when modeld is not ready, also where it listens on every interface, or is not there", async () => {
  const daemon = await Daemon.start();
  try {
    for (const addr of [daemon.url.host, `:${daemon.url.port}`]) {
      const { code, stderr } = await runModeld(["health", "--addr", addr]);
      assertEquals([code, stderr], [1, ["modeld: not configured"]]);
    }
  } finally {
    await daemon.stop();
  }
  const gone = await runModeld(["health", "--addr", daemon.url.host]);
  assertEquals(gone.code, 1);
  assertStringIncludes(gone.stderr[0] ?? "", `no answer from http://${daemon.url.host}/readyz`);
});

Deno.test("status shows a running modeld, with the key from its file, and is 0 when that is ready", async () => {
  await withFile(".keys", "sk-one\n", async (path) => {
    const fake = await FakeLlamaHttpServer.start({ models: ["tiny"], slots: 2 });
    const daemon = await Daemon.start({ args: ["--llama-url", fake.url.href, "--api-key-file", path] });
    try {
      await daemon.ready();
      const addr = ["--addr", daemon.url.host];
      const { code, stdout } = await runModeld(["status", ...addr, "--api-key-file", path]);
      assertEquals(code, 0);
      assertMatch(stdout[0] ?? "", /^modeld .* · ready · 0 running · 0 waiting · /);
      assertMatch(stdout[3] ?? "", /^server-1 +tiny +ready +·· 0\/2 /);

      const json = await runModeld(["status", "--url", daemon.url.href, "--json", "--api-key-file", path]);
      assertEquals([json.code, JSON.parse(json.stdout.join("\n")).instances[0].model_id], [0, "tiny"]);

      const refused = await runModeld(["status", ...addr]);
      assertEquals(refused.code, 1);
      assertMatch(refused.stderr[0] ?? "", /answers 401: .*; give a key with --api-key-file$/);
      assertEquals(refused.stderr.join("\n").includes("sk-one"), false);
    } finally {
      await daemon.stop();
      await fake.close();
    }
  });
});

Deno.test("status is 1 when modeld is not ready, or is not there", async () => {
  const daemon = await Daemon.start();
  try {
    for (const more of [[], ["--json"]]) {
      const { code, stdout } = await runModeld(["status", "--addr", daemon.url.host, ...more]);
      assertEquals(code, 1);
      assertMatch(stdout.join("\n"), /not ready|"state": "error"/);
    }
  } finally {
    await daemon.stop();
  }
  const gone = await runModeld(["status", "--addr", daemon.url.host]);
  assertEquals([gone.code, gone.stdout], [1, []]);
  assertStringIncludes(gone.stderr[0] ?? "", `no answer from http://${daemon.url.host}`);
});

Deno.test("modeld serves over TLS, and health asks over it, whatever name the certificate has", async () => {
  const pem = (name: string) => new URL(`../llama/tls/${name}.pem`, import.meta.url).pathname;
  const env = { MODELD_TLS_CERT_FILE: pem("server"), MODELD_TLS_KEY_FILE: pem("server_key") };
  const daemon = await Daemon.start({ env });
  try {
    assertStringIncludes(daemon.stderr, `https://${daemon.url.host}`);
    using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(pem("ca"))], poolMaxIdlePerHost: 0 });
    const reply = await fetch(`https://${daemon.url.host}/healthz`, { client });
    assertEquals([reply.status, await reply.text()], [200, "ok"]);
    const { code, stderr } = await runModeld(["health", "--addr", daemon.url.host], env);
    assertEquals([code, stderr], [1, ["modeld: not configured"]]);
  } finally {
    await daemon.stop();
  }
});
