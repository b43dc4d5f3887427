import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { withFile } from "../config/configure.ts";
import { Daemon, type DaemonOptions } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer } from "../support/ndjson_client.ts";
import { replyStream } from "../support/replies.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../support/fake_llama_http_server.ts";
import { completionStream } from "../support/wire_streams.ts";
import { runModeld } from "./run_modeld.ts";

const request = { prompt: "Once" };

async function withDaemon(options: DaemonOptions, test: (daemon: Daemon) => Promise<void>): Promise<void> {
  const daemon = await Daemon.start(options);
  try {
    await test(daemon);
  } finally {
    await daemon.stop("SIGKILL");
  }
}

/** A fake llama-server and the arguments that name it. */
async function withFake(
  options: FakeLlamaOptions,
  test: (fake: FakeLlamaHttpServer, args: readonly string[]) => Promise<void>,
): Promise<void> {
  const fake = await FakeLlamaHttpServer.start(options);
  try {
    await test(fake, ["--llama-url", fake.url.href]);
  } finally {
    await fake.close();
  }
}

Deno.test("without llama-url modeld starts, warns, and /infer answers 503", async () => {
  await withDaemon({}, async (daemon) => {
    const reply = await infer(daemon.url, request);
    assertEquals([reply.status, (await reply.last()).type], [503, "not_configured"]);
    assertStringIncludes(daemon.stderr, "no llama-server is configured");
    assertEquals((await daemon.get("/readyz")).text, "not configured");
    assertEquals((await daemon.get("/healthz")).status, 200);
  });
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} stops an idle modeld at once, with exit code 0`, async () => {
    await withFake({}, async (_, args) => {
      const daemon = await Daemon.start({ args });
      await daemon.ready();
      const startedAt = performance.now();
      assertEquals(await daemon.stop(signal), { code: 0, signal: null });
      assert(performance.now() - startedAt < 2_000);
    });
  });
}

Deno.test("a signal lets streams run to their end and turns new requests away meanwhile", async () => {
  await withFake({ tokens: Array(20).fill("x"), tokenDelay: 50 }, async (_, args) => {
    const daemon = await Daemon.start({ args });
    await daemon.ready();
    const stream = await infer(daemon.url, request);
    await stream.read(2);
    daemon.process.signal("SIGTERM");
    await daemon.process.line(/stopping/);
    const late = await infer(daemon.url, request);
    assertEquals([late.status, (await late.last()).type], [503, "shutting_down"]);
    assertEquals(await daemon.get("/readyz").then(({ status, text }) => [status, text]), [503, "draining"]);
    assertEquals((await stream.last()).done, true);
    assertEquals(await daemon.process.exited, { code: 0, signal: null });
  });
});

Deno.test("a signal turns queued requests away at once, while the stream before them goes on", async () => {
  await withFake({ slots: 1 }, async (fake, args) => {
    const daemon = await Daemon.start({ args: [...args, "--shutdown-timeout", "60s"] });
    await daemon.ready();
    const taken = fake.take();
    const first = infer(daemon.url, request);
    const exchange = await taken;
    const queued = infer(daemon.url, request);
    await eventually("it waits", async () => (await daemon.json("/status")).instances[0].queue_len === 1);
    daemon.process.signal("SIGTERM");
    const reply = await queued;
    assertEquals([reply.status, (await reply.last()).type], [503, "shutting_down"]);
    await replyStream(exchange, completionStream(["a", "b"]));
    assertEquals((await (await first).last()).done, true);
    assertEquals(await daemon.process.exited, { code: 0, signal: null });
  });
});

Deno.test("streams that outlast shutdown-timeout get an error line, and the exit code is still 0", async () => {
  await withFake({ tokens: Array(1_000).fill("x"), tokenDelay: 50 }, async (_, args) => {
    const daemon = await Daemon.start({ args: [...args, "--shutdown-timeout", "200ms"] });
    await daemon.ready();
    const stream = await infer(daemon.url, request);
    await stream.read(2);
    daemon.process.signal("SIGTERM");
    assertEquals((await stream.last()).type, "shutting_down");
    assertEquals(await daemon.process.exited, { code: 0, signal: null });
  });
});

Deno.test("a second signal exits at once", async () => {
  await withFake({ tokens: Array(1_000).fill("x"), tokenDelay: 50 }, async (_, args) => {
    const daemon = await Daemon.start({ args: [...args, "--shutdown-timeout", "60s"] });
    await daemon.ready();
    const stream = await infer(daemon.url, request);
    await stream.read(2);
    daemon.process.signal("SIGTERM");
    await daemon.process.line(/stopping/);
    assertEquals((await daemon.stop("SIGTERM")).code, 143);
    await stream.leave();
  });
});

Deno.test("an address that is taken is exit code 1, and the log says which and what to do", async () => {
  await withDaemon({}, async (daemon) => {
    const { code, stderr } = await runModeld(["--addr", daemon.url.host]);
    assertEquals(code, 1);
    const sentence = `cannot listen on ${daemon.url.host}: another program listens there; stop it, or choose another ` +
      "address with --addr";
    assertStringIncludes(stderr.join("\n"), sentence);
  });
});

/** An address where nothing listens. */
async function nobody(): Promise<string> {
  const fake = await FakeLlamaHttpServer.start();
  await fake.close();
  return fake.url.href;
}

Deno.test("a missing llama-server fails the preflight: exit code 1, and the log says what to do", async () => {
  const { code, stderr } = await runModeld(["--addr", "127.0.0.1:0", "--llama-url", await nobody()]);
  assertEquals(code, 1);
  const log = stderr.join("\n");
  for (const words of ["check NOT OK", "Start llama-server", "--preflight=warn"]) assertStringIncludes(log, words);
});

for (const preflight of ["warn", "off"]) {
  Deno.test(`with --preflight=${preflight} modeld serves all the same, and answers 503 unreachable`, async () => {
    await withDaemon({ args: ["--llama-url", await nobody(), "--preflight", preflight] }, async (daemon) => {
      if (preflight === "warn") await daemon.process.line(/the preflight failed; modeld serves all the same/);
      else assertEquals(daemon.stderr.includes("check "), false);
      const reply = await infer(daemon.url, request);
      assertEquals([reply.status, (await reply.last()).type], [503, "unreachable"]);
    });
  });
}

Deno.test("while the preflight waits modeld listens and says that it is loading, then it serves", async () => {
  await withFake({}, async (fake, args) => {
    fake.loading = true;
    await withDaemon({ args: [...args, "--preflight-wait", "60s"] }, async (daemon) => {
      await daemon.process.line(/waiting for llama-server/);
      assertEquals((await daemon.get("/healthz")).status, 200);
      assertEquals(await daemon.get("/readyz").then(({ status, text }) => [status, text]), [503, "loading"]);
      const early = await infer(daemon.url, request);
      assertEquals([early.status, (await early.last()).type], [503, "loading"]);
      assertEquals(fake.posts.length, 0);
      fake.loading = false;
      await daemon.ready();
      assertEquals((await (await infer(daemon.url, request)).last()).done, true);
    });
  });
});

Deno.test("a signal ends a preflight that waits: exit code 0", async () => {
  const daemon = await Daemon.start({ args: ["--llama-url", await nobody(), "--preflight-wait", "60s"] });
  await daemon.process.line(/waiting for llama-server/);
  assertEquals((await daemon.stop()).code, 0);
});

Deno.test("each deprecated setting warns once at start, with what to do instead", async () => {
  await withFile(".yaml", "llama_threads: 4\n", async (path) => {
    const args = ["--config", path, "--llama-bin=/usr/bin/llama", "-llama-ctx", "2048"];
    await withDaemon({ args }, (daemon) => {
      for (
        const [name, words] of [
          ["llama_bin", "start llama-server yourself"],
          ["llama_ctx", "--ctx-size N"],
          ["llama_threads", "--threads N"],
        ] as const
      ) {
        const lines = daemon.process.stderrLines.filter((line) => line.includes(`${name} (`));
        assertEquals(lines.length, 1);
        assertStringIncludes(lines[0] ?? "", words);
      }
      return Promise.resolve();
    });
  });
});

Deno.test("listening beyond loopback without keys warns, with keys it does not", async () => {
  for (const [env, warns] of [[{}, true], [{ MODELD_API_KEYS: "sk-one" }, false]] as const) {
    const daemon = Daemon.spawn({ args: ["--addr", ":0"], env });
    await daemon.line(/"listening"/);
    await daemon.stop();
    assertEquals(daemon.stderrLines.some((line) => line.includes("everyone who reaches this address")), warns);
    assertEquals(daemon.stderrLines.some((line) => line.includes("sk-one")), false);
  }
});

Deno.test("with --events lifecycle events are JSON lines on stdout, and nothing else is", async () => {
  await withFake({}, async (_, args) => {
    const daemon = await Daemon.start({ args: [...args, "--events"] });
    await daemon.ready();
    await daemon.stop();
    const events = daemon.process.stdoutLines.map((line) => JSON.parse(line).event);
    assertEquals(events, ["server_found"]);
  });
});

Deno.test("check prints a line for each check and a verdict, and exits 0, or 1 where one failed", async () => {
  await withFake({ models: ["tiny"] }, async (_, args) => {
    const good = await runModeld(["check", ...args]);
    assertEquals([good.code, good.stdout.length], [0, 8]);
    assert(good.stdout.slice(0, 6).every((line) => /^✓ [a-z -]+ +[\d.]+m?s {2}/.test(line)), good.stdout.join("\n"));
    assertMatch(good.stdout.at(-1) ?? "", /^✓ all is well: 6 passed, in /);
    const bad = await runModeld(["check", ...args, "--default-model", "huge"]);
    assertEquals(bad.code, 1);
    const text = bad.stdout.join("\n");
    assertMatch(
      text,
      /^✗ default model +[\d.]+m?s {2}"huge" is none of tiny\n +→ Set --default-model to one of them$/m,
    );
    assertMatch(bad.stdout.at(-1) ?? "", /^✗ default model failed: 4 passed, 1 left out, in /);
  });
});
