import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertStreamed } from "../tests/support/assert_reply.ts";
import { CANNED_TOKENS } from "../tests/support/canned_generation.ts";
import { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { residentMb } from "../tests/support/process_inspection.ts";
import { FakeLlamaHttpServer } from "../tests/support/fake_llama_http_server.ts";

/** Leaves these tests out where there are no such programs; they then say so. */
const LEFT_OUT = Deno.env.get("MODELD_WITHOUT_SLOWHTTPTEST") !== undefined;
if (LEFT_OUT) console.log("NOT RUN: e2e/hostile_clients_test.ts (MODELD_WITHOUT_SLOWHTTPTEST is set)");

/** How many connections an attack opens, and for how long it goes on, in seconds. */
const CONNECTIONS = 200;
const SECONDS = 5;

/** Runs a program of Debian's packages slowhttptest and wrk. @throws Error that says what is missing, or what it printed. */
async function run(program: string, args: readonly string[]): Promise<string> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: [...args] }).output();
    // deno-lint-ignore no-control-regex -- slowhttptest colours its output
    const printed = new TextDecoder().decode(stdout).replaceAll(/\x1b\[[0-9;]*[A-Za-z]/g, "");
    assert(success, `${program}: ${printed}`);
    return printed;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`no ${program}: apt-get install slowhttptest wrk, or set MODELD_WITHOUT_SLOWHTTPTEST`);
  }
}

async function withModeld(scene: (modeld: Daemon) => Promise<void>): Promise<void> {
  const llama = await FakeLlamaHttpServer.start();
  try {
    const args = ["--llama-url", llama.url.href, "--preflight=off", "--body-timeout", "2s"];
    const modeld = await Daemon.start({ args });
    try {
      await scene(await modeld.ready());
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    await llama.close();
  }
}

/** Three ways to hold a server's connections, as slowhttptest calls them, and where they hurt. */
const ATTACKS = {
  "slow headers": ["-H", "/healthz"],
  "slow bodies": ["-B", "/infer", "-s", "8192", "-f", "application/json"],
  "slow reading": ["-X", "/openapi.json", "-k", "3"],
} as const;

for (const [name, [mode, path, ...more]] of Object.entries(ATTACKS)) {
  Deno.test({
    name: `${CONNECTIONS} connections of slowhttptest with ${name} hold nobody else up and cost little memory`,
    ignore: LEFT_OUT,
    async fn() {
      await withModeld(async (modeld) => {
        const before = await residentMb(modeld.process.pid);
        const count = String(CONNECTIONS);
        const load = ["-c", count, "-r", count, "-i", "1", "-l", String(SECONDS), "-u", new URL(path, modeld.url).href];
        let over = false;
        const attack = run("slowhttptest", [mode, ...load, ...more]).finally(() => over = true);
        while (!over) {
          const start = performance.now();
          const reply = await infer(modeld.url, { prompt: "Once" });
          await assertStreamed(reply, CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
          const took = performance.now() - start;
          assert(took < 2_000, `another client waited ${took} ms`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        assertMatch(await attack, /service available: +YES/);
        const growth = await residentMb(modeld.process.pid) - before;
        assert(growth < 150, `memory grew by ${growth} MB`);
        await eventually("no request is left", async () => {
          return (await modeld.get("/metrics")).text.includes('modeld_http_inflight_requests{path="/infer"} 0');
        });
      });
    },
  });
}

Deno.test({
  name: "50 clients of wrk that ask as fast as they can get no error",
  ignore: LEFT_OUT,
  async fn() {
    await withModeld(async (modeld) => {
      const printed = await run("wrk", ["-t1", "-c50", "-d2s", new URL("/status", modeld.url).href]);
      assertStringIncludes(printed, "Requests/sec");
      assertEquals(printed.match(/Socket errors.*|Non-2xx.*/g), null);
    });
  },
});
