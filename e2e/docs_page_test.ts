import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";

/** Leaves this out where there is no Chromium; it then says so. */
const LEFT_OUT = Deno.env.get("MODELD_WITHOUT_CHROMIUM") !== undefined;
if (LEFT_OUT) console.log("NOT RUN: e2e/docs_page_test.ts (MODELD_WITHOUT_CHROMIUM is set)");

/** Chromium without its own traffic: whatever it asks for is either modeld or goes nowhere. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--hide-scrollbars",
  "--window-size=1000,1400",
  "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
];

/** Runs headless Chromium on the URL; gives what it printed. @throws Error that says what is missing. */
async function chromium(profile: string, args: readonly string[], url: string): Promise<string> {
  try {
    const { code, stdout } = await new Deno.Command("chromium", {
      args: [...FLAGS, `--user-data-dir=${profile}`, ...args, url],
      stderr: "null",
    }).output();
    assertEquals(code, 0, "chromium's exit code");
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("no chromium: install it (Debian: apt install chromium), or set MODELD_WITHOUT_CHROMIUM=1");
  }
}

/** What the net log says of each request: its address, and the page that made it. */
function requests(netLog: string): { url: string; initiator: string }[] {
  const { events }: { events: { params?: { url?: string; initiator?: string } }[] } = JSON.parse(netLog);
  return events.flatMap(({ params }) =>
    params?.url === undefined || params.initiator === undefined
      ? []
      : [{ url: params.url, initiator: params.initiator }]
  );
}

Deno.test({
  name: "a browser shows the /docs page, which asks nobody for anything",
  ignore: LEFT_OUT,
  async fn() {
    const daemon = await Daemon.start();
    const folder = await Deno.makeTempDir({ prefix: "modeld-chromium-" });
    try {
      const url = new URL("/docs", daemon.url).href;
      const dom = await chromium(folder, ["--dump-dom", `--log-net-log=${folder}/net.json`], url);
      for (const path of ["/infer", "/models", "/status", "/readyz", "/metrics"]) {
        assertStringIncludes(dom, `<code>${path}</code>`);
      }
      const asked = requests(await Deno.readTextFile(`${folder}/net.json`));
      assert(asked.some((request) => request.url === url), "the net log does not hold the page itself");
      assertEquals(asked.filter(({ initiator }) => initiator.startsWith("http")), []);

      await chromium(folder, [`--screenshot=${folder}/page.png`], url);
      const picture = await Deno.stat(`${folder}/page.png`);
      // An empty window of this size is 7 kB.
      assert(picture.size > 50_000, `the picture has only ${picture.size} bytes`);
    } finally {
      await daemon.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
