import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connectLlamaServer } from "../../src/llama/connect.ts";
import {
  type CheckResult,
  describeResult,
  type PreflightOptions,
  runPreflight,
  type Waiting,
} from "../../src/upstream/preflight.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { replyJson } from "../support/replies.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../support/fake_llama_http_server.ts";

/** A preflight against a fake: what it is given, and what came of it. */
interface Rig {
  readonly server: FakeLlamaHttpServer;
  readonly clock: FakeClock;
  readonly waited: Waiting[];
  run(options?: Partial<PreflightOptions>, signal?: AbortSignal): Promise<Record<string, CheckResult>>;
}

async function withRig(fake: FakeLlamaOptions, test: (rig: Rig) => Promise<void>): Promise<void> {
  const server = await FakeLlamaHttpServer.start(fake);
  const clock = new FakeClock();
  const waited: Waiting[] = [];
  const connection = connectionTo(server.url);
  try {
    await test({
      server,
      clock,
      waited,
      run: async (options = {}, signal = new AbortController().signal) => {
        const told: CheckResult[] = [];
        const results = await runPreflight({
          server: connection,
          vramBudgetMb: 0,
          wait: 0,
          clock,
          onResult: (result) => told.push(result),
          onWaiting(waiting) {
            waited.push(waiting);
            // By then it has set its timer.
            queueMicrotask(() => passTime(clock));
          },
          ...options,
        }, signal);
        assertEquals(told, results);
        return Object.fromEntries(results.map((result) => [result.name, result]));
      },
    });
    assertEquals(clock.pendingTimers, 0);
  } finally {
    connection.close();
    await server.close();
  }
}

function connectionTo(url: URL) {
  const terms = {
    timeout: 0,
    connectTimeout: 5_000,
    firstTokenTimeout: 0,
    idleTimeout: 0,
    useOpenai: true,
    chat: false,
  };
  return connectLlamaServer({ url, terms: () => terms });
}

function statuses(results: Readonly<Record<string, CheckResult>>): readonly string[] {
  return Object.values(results).map(({ status }) => status);
}

/** Lets the time pass that a preflight is waiting for. */
function passTime(clock: FakeClock): void {
  while (clock.pendingTimers > 0) clock.advance(50);
}

Deno.test("a model that llama-server names by its path is to be given a name: answers on /v1 show what it says", async () => {
  for (
    const [id, advised] of [["/srv/models/tiny.gguf", true], ["C:\\models\\tiny.gguf", true], [
      "org/tiny:Q4",
      false,
    ]] as const
  ) {
    await withRig({ models: [id] }, async ({ run }) => {
      const { status, remedy = "" } = (await run())["model list"] ?? {};
      assertEquals([status, remedy.includes("--alias")], ["OK", advised], id);
    });
  }
});

Deno.test("every check is OK where llama-server can serve", async () => {
  await withRig({}, async ({ server, run }) => {
    const results = await run();
    assertEquals(Object.values(results).map(({ name, status, detail }) => [name, status, detail]), [
      ["llama-server configured", "OK", "its address is set"],
      ["llama-server reachable", "OK", "it answers and is ready"],
      ["model list", "OK", "tiny"],
      ["kind of server", "OK", "a single model, build b11669-fake"],
      ["default model", "OK", "tiny, the only one"],
      ["dry run", "OK", "tiny generates"],
    ]);
    assertEquals(server.posts.length, 1);
    assertEquals(JSON.parse(server.posts[0]?.body ?? "").max_tokens, 1);
  });
});

Deno.test("without an address the first check fails and the others are skipped", async () => {
  const results = await runPreflight(
    { vramBudgetMb: 0, wait: 1_000, clock: new FakeClock(), onResult() {} },
    new AbortController().signal,
  );
  assertEquals(results.map(({ status }) => status), ["NOT OK", ...Array(5).fill("SKIPPED")]);
  assertStringIncludes(results[0]?.remedy ?? "", "--llama-url");
});

Deno.test("a server that is not there is NOT OK, with what to do", async () => {
  await withRig({}, async ({ server, run }) => {
    await server.close();
    const results = await run();
    assertEquals(statuses(results), ["OK", "NOT OK", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED"]);
    const { remedy = "" } = results["llama-server reachable"] ?? {};
    assertStringIncludes(remedy, "--llama-url");
    assertStringIncludes(remedy, "--preflight-wait");
    // The log writes down everything that a result holds.
    assertEquals(Object.keys(results["llama-server reachable"] ?? {}).sort(), [
      "detail",
      "ms",
      "name",
      "remedy",
      "status",
    ]);
  });
});

Deno.test("a server that is loading is NOT OK where nobody waits for it", async () => {
  await withRig({}, async ({ server, run }) => {
    server.loading = true;
    const result = (await run())["llama-server reachable"];
    assertEquals([result?.status, result?.detail], ["NOT OK", "it answers and is loading its model"]);
    assertStringIncludes(result?.remedy ?? "", "--preflight-wait");
  });
});

Deno.test("a server that is loading is waited for, and progress is told", async () => {
  await withRig({}, async ({ server, clock, run }) => {
    server.loading = true;
    const waited: Waiting[] = [];
    const onWaiting = (waiting: Waiting) => {
      waited.push(waiting);
      if (waiting.elapsed >= 1_000) server.loading = false;
      queueMicrotask(() => passTime(clock));
    };
    const results = await run({ wait: 60_000, onWaiting });
    assert(statuses(results).every((status) => status === "OK"));
    assertEquals(results["llama-server reachable"]?.ms, 3_750);
    const detail = "it answers and is loading its model";
    assertEquals(waited, [0, 250, 750, 1_750].map((elapsed) => ({ detail, elapsed, wait: 60_000 })));
  });
});

Deno.test("a server that starts late is waited for", async () => {
  await withRig({}, async ({ server, clock, run }) => {
    const port = Number(server.url.port);
    await server.close();
    const late = Promise.withResolvers<FakeLlamaHttpServer>();
    const onWaiting = async () => {
      late.resolve(await FakeLlamaHttpServer.start({ port }));
      passTime(clock);
    };
    const results = await run({ wait: 60_000, onWaiting: () => void onWaiting() });
    assert(statuses(results).every((status) => status === "OK"));
    await (await late.promise).close();
  });
});

Deno.test("waiting ends when its time is over, not later", async () => {
  await withRig({}, async ({ server, clock, waited, run }) => {
    server.loading = true;
    const results = await run({ wait: 3_100 });
    assertEquals(statuses(results).slice(0, 3), ["OK", "NOT OK", "SKIPPED"]);
    assertEquals(waited.map(({ elapsed }) => elapsed), [0, 250, 750, 1_750]);
    assertEquals(clock.now(), 3_100);
  });
});

Deno.test("a wrong key is NOT OK and not waited for", async () => {
  await withRig({ apiKey: "sk-right" }, async ({ waited, run }) => {
    const results = await run({ wait: 60_000 });
    assertEquals(statuses(results).slice(0, 4), ["OK", "OK", "NOT OK", "SKIPPED"]);
    assertStringIncludes(results["model list"]?.remedy ?? "", "--llama-api-key-file");
    assertEquals(waited, []);
  });
});

for (const name of ["tiny", "tiny.gguf", "/models/tiny.gguf", "models/tiny"]) {
  Deno.test(`the default model may be written ${name}`, async () => {
    await withRig({}, async ({ run }) => {
      const results = await run({ defaultModel: name });
      assertEquals([results["default model"]?.status, results["default model"]?.detail], ["OK", "tiny"]);
      assertEquals(results["dry run"]?.status, "OK");
    });
  });
}

Deno.test("a default model that llama-server does not have is NOT OK, and the message lists what it has", async () => {
  await withRig({ models: ["a", "b"], router: {} }, async ({ run }) => {
    const results = await run({ defaultModel: "c" });
    assertEquals(results["default model"]?.status, "NOT OK");
    assertEquals(results["default model"]?.detail, '"c" is none of a, b');
    assertEquals(results["dry run"]?.status, "SKIPPED");
  });
});

Deno.test("a default model that could be two is NOT OK, and the message names both", async () => {
  await withRig({ models: ["x/c", "y/c"], router: {} }, async ({ run }) => {
    assertEquals((await run({ defaultModel: "c.gguf" }))["default model"]?.detail, '"c.gguf" could be x/c, y/c');
  });
});

Deno.test("a default model on a server without any is NOT OK, and the message says so", async () => {
  await withRig({ models: [], router: {} }, async ({ run }) => {
    const { status, detail } = (await run({ defaultModel: "c" }))["default model"] ?? {};
    assertEquals([status, detail], ["NOT OK", 'llama-server lists no models, so not "c" either']);
  });
});

Deno.test("without a default model and with several models nothing is asked to generate, and that is no failure", async () => {
  await withRig({ models: ["a", "b"], router: {} }, async ({ server, run }) => {
    const results = await run();
    assertEquals(statuses(results), ["OK", "OK", "OK", "OK", "SKIPPED", "SKIPPED"]);
    assertEquals(server.posts.length, 0);
  });
});

Deno.test("an old build without OpenAI endpoints passes", async () => {
  await withRig({ openai: false }, async ({ run }) => {
    const results = await run();
    assertEquals(statuses(results), ["OK", "OK", "SKIPPED", "OK", "SKIPPED", "OK"]);
    assertStringIncludes(results["kind of server"]?.detail ?? "", "without OpenAI endpoints");
    assertEquals(results["default model"]?.detail, "there is no list, so every name means the server's one model");
  });
});

Deno.test("a dry run that llama-server refuses is skipped, with its words", async () => {
  await withRig({}, async ({ server, run }) => {
    server.next((exchange) => replyJson(exchange, 400, { error: { code: 400, message: "no dry runs", type: "x" } }));
    const result = (await run())["dry run"];
    assertEquals(result?.status, "SKIPPED");
    assertStringIncludes(result?.detail ?? "", "no dry runs");
  });
});

Deno.test("a key that only the dry run needs is NOT OK there, not skipped", async () => {
  await withRig({}, async ({ server, run }) => {
    const error = { code: 401, message: "Invalid API Key", type: "authentication_error" };
    server.next((exchange) => replyJson(exchange, 401, { error }));
    const result = (await run())["dry run"];
    assertEquals(result?.status, "NOT OK");
    assertStringIncludes(result?.remedy ?? "", "--llama-api-key-file");
  });
});

Deno.test("a dry run that fails is NOT OK", async () => {
  await withRig({}, async ({ server, run }) => {
    server.next((exchange) => replyJson(exchange, 500, { error: { code: 500, message: "out of memory", type: "x" } }));
    const result = (await run())["dry run"];
    assertEquals(result?.status, "NOT OK");
    assertStringIncludes(result?.detail ?? "", "out of memory");
  });
});

Deno.test("a server that takes questions and never answers is NOT OK after 10 s", async () => {
  await withRig({}, async ({ server, clock, run }) => {
    server.on("GET /health", (exchange) => {
      clock.advance(10_000);
      return exchange.gone;
    });
    const results = await run();
    assertEquals(results["llama-server reachable"]?.status, "NOT OK");
    assertEquals(results["llama-server reachable"]?.detail, "llama-server did not answer within 10 s");
  });
});

Deno.test("a preflight that is given up ends at once, whether it asks or waits", async () => {
  await withRig({}, async ({ server, run }) => {
    const reason = new Error("given up");
    const asking = new AbortController();
    server.on("GET /health", (exchange) => {
      asking.abort(reason);
      return exchange.gone;
    });
    assertEquals(await assertRejects(() => run({}, asking.signal)), reason);

    server.on("GET /health", undefined);
    server.loading = true;
    const waiting = new AbortController();
    const onWaiting = () => void setTimeout(() => waiting.abort(reason), 0);
    assertEquals(await assertRejects(() => run({ wait: 60_000, onWaiting }, waiting.signal)), reason);
  });
});

Deno.test("a result is one line: name, how it came out, how long it took, what was found, what to do", () => {
  const found = { name: "dry run", ms: 3, detail: "it fails" };
  assertEquals(describeResult({ ...found, status: "OK" }), "dry run: OK, 3 ms: it fails");
  assertEquals(
    describeResult({ ...found, status: "NOT OK", remedy: "Mend it" }),
    "dry run: NOT OK, 3 ms: it fails. Mend it",
  );
  assertEquals(
    describeResult({ ...found, detail: "why?", status: "NOT OK", remedy: "Mend it" }),
    "dry run: NOT OK, 3 ms: why? Mend it",
  );
});

Deno.test("the dry run makes a router load nothing that the VRAM budget has not counted", async () => {
  await withRig({ router: {}, models: ["a"] }, async ({ server, run }) => {
    const { "dry run": skipped } = await run({ vramBudgetMb: 10 });
    assertEquals([skipped?.status, server.posts.length], ["SKIPPED", 0]);
    const { "dry run": made } = await run();
    assertEquals([made?.status, server.posts.length], ["OK", 1]);
  });
});
