import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import axe from "axe-core/axe.min.js" with { type: "text" };
import type { Browser, Page } from "playwright-core";
import { FakeLlamaHttpServer } from "../tests/support/fake_llama_http_server.ts";
import { Daemon } from "../tests/support/daemon.ts";

/** Leaves this out where there is no Chromium; it then says so. */
const LEFT_OUT = Deno.env.get("MODELD_WITHOUT_CHROMIUM") !== undefined;
if (LEFT_OUT) console.log("NOT RUN: e2e/page_test.ts (MODELD_WITHOUT_CHROMIUM is set)");

/** Opens the page in front of a llama-server that sends a token each 50 ms; what the console says is an error. */
async function withPage(
  options: { readonly keys?: string; readonly bypassCSP?: boolean },
  test: (page: Page, daemon: Daemon, llama: FakeLlamaHttpServer) => Promise<void>,
): Promise<void> {
  // It looks for WSL in /proc, which Deno allows only to programs that may do everything; with this it does not.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  const tokens = Array.from({ length: 100 }, (_, i) => ` word${i}`);
  const llama = await FakeLlamaHttpServer.start({ tokens, tokenDelay: 50, slots: 4 });
  const env: Record<string, string> = options.keys === undefined ? {} : { MODELD_API_KEYS: options.keys };
  const args = ["--llama-url", llama.url.href, "--preflight=off", "--max-queue-depth=300"];
  const daemon = await Daemon.start({ args, env });
  let browser: Browser | undefined;
  try {
    await daemon.ready();
    const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"];
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
    const page = await browser.newPage({ bypassCSP: options.bypassCSP ?? false });
    const said: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") said.push(message.text());
    });
    page.on("pageerror", (error) => said.push(error.message));
    await page.goto(daemon.url.href);
    await test(page, daemon, llama);
    assertEquals(said, []);
  } finally {
    await browser?.close();
    await daemon.stop("SIGKILL");
    await llama.close();
  }
}

Deno.test({
  name: "the page asks for a key, shows a generation while it runs, and its playground streams and stops",
  ignore: LEFT_OUT,
  fn: () =>
    withPage({ keys: "sk-one" }, async (page) => {
      assert(!await page.isVisible("#content"), "something is shown without a key");
      await page.fill("#key", "sk-one");
      await page.press("#key", "Enter");
      await page.waitForSelector("#state-dot.ready");
      await page.fill("[name=prompt]", "Hello");
      await page.click("#send");
      await page.waitForSelector("#request-rows tr");
      await page.waitForSelector(".cells .stream");
      await page.locator("#request-rows td.number").first().filter({ hasText: /^([4-9]|\d\d)$/ }).waitFor();
      await page.click("#stop");
      await page.waitForSelector("#no-requests:not([hidden])");
      assertStringIncludes(await page.textContent("#play-figures") ?? "", "stopped");
    }),
});

Deno.test({
  name: "axe-core finds nothing, and 200 requests are listed",
  ignore: LEFT_OUT,
  fn: () =>
    withPage({ bypassCSP: true }, async (page, daemon) => {
      await page.waitForSelector("#state-dot.ready");
      const gone = new AbortController();
      const body = JSON.stringify({ prompt: "x", max_tokens: 100 });
      const headers = { "Content-Type": "application/json" };
      const all = Array.from({ length: 200 }, () =>
        fetch(new URL("/infer", daemon.url), { method: "POST", body, headers, signal: gone.signal })
          .then((reply) =>
            reply.text()
          ).catch(() => {
            // aborted below
          }));
      await page.waitForFunction(`document.querySelectorAll("#request-rows tr").length === 200`);
      await page.addScriptTag({ content: axe });
      const found = await page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))");
      assertEquals(found, []);
      gone.abort();
      await Promise.all(all);
    }),
});

Deno.test({
  name: "a lost llama-server is shown within 3 s",
  ignore: LEFT_OUT,
  fn: () =>
    withPage({}, async (page, _daemon, llama) => {
      await page.waitForSelector("#state-dot.ready");
      await llama.close();
      await page.waitForSelector("#server-list .problem", { timeout: 3_000 });
      assertStringIncludes(await page.textContent("#server-list .problem") ?? "", "last error");
    }),
});
