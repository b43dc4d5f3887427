import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import axe from "axe-core/axe.min.js" with { type: "text" };
import type { Browser, Page } from "playwright-core";
import { chunk, replyStream, STREAM_HEAD } from "../tests/support/replies.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { chatStream } from "../tests/support/wire_streams.ts";
import { modelFolder } from "./support/test_model.ts";
import { FakeLlamaHttpServer } from "../tests/support/fake_llama_http_server.ts";
import { Daemon } from "../tests/support/daemon.ts";

/** Leaves this out where there is no Chromium; it then says so. */
const LEFT_OUT = Deno.env.get("MODELD_WITHOUT_CHROMIUM") !== undefined;
if (LEFT_OUT) console.log("NOT RUN: e2e/page_test.ts (MODELD_WITHOUT_CHROMIUM is set)");

interface PageOptions {
  readonly keys?: string;
  readonly bypassCSP?: boolean;
}

/** Opens the page in front of a llama-server that sends a token each 50 ms; what the console says is an error. */
async function withPage(
  options: PageOptions,
  test: (page: Page, daemon: Daemon, llama: FakeLlamaHttpServer) => Promise<void>,
  expected: readonly RegExp[] = [],
): Promise<void> {
  const tokens = Array.from({ length: 100 }, (_, i) => ` word${i}`);
  const llama = await FakeLlamaHttpServer.start({ tokens, tokenDelay: 50, slots: 4 });
  try {
    await withPageOf(llama.url, options, (page, daemon) => test(page, daemon, llama), expected);
  } finally {
    await llama.close();
  }
}

/** Opens the page of a modeld in front of this llama-server. @param expected what the console may say */
async function withPageOf(
  llama: URL,
  options: PageOptions,
  test: (page: Page, daemon: Daemon) => Promise<void>,
  expected: readonly RegExp[] = [],
): Promise<void> {
  // It looks for WSL in /proc, which Deno allows only to programs that may do everything; with this it does not.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  const env: Record<string, string> = options.keys === undefined ? {} : { MODELD_API_KEYS: options.keys };
  const args = ["--llama-url", llama.href, "--preflight=off", "--max-queue-depth=300"];
  const daemon = await Daemon.start({ args, env });
  let browser: Browser | undefined;
  try {
    await daemon.ready();
    const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"];
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
    const page = await browser.newPage({ bypassCSP: options.bypassCSP ?? false });
    page.setDefaultTimeout(20_000);
    const said: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") said.push(message.text());
    });
    page.on("pageerror", (error) => said.push(error.message));
    await page.goto(daemon.url.href);
    await test(page, daemon);
    assertEquals(said.filter((text) => !expected.some((pattern) => pattern.test(text))), []);
  } finally {
    await browser?.close();
    await daemon.stop("SIGKILL");
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
  name:
    "a generation of a real llama-server is seen while it runs, and its answer comes in the playground, by both APIs",
  ignore: LEFT_OUT,
  fn: async () => {
    // So many blocks make it slow enough to be watched.
    const folder = await modelFolder(["slow"], 100);
    const llama = await RealLlamaServer.start(["-t", "1", "-m", `${folder.path}/slow.gguf`, "-c", "2048", "-np", "2"]);
    try {
      await withPageOf(llama.url, {}, async (page) => {
        await page.waitForSelector("#state-dot.ready");
        await page.fill("[name=prompt]", "Once upon a time");
        await page.fill("[name=max_tokens]", "300");
        await page.click("#send");
        await page.waitForSelector("#request-rows .bar .stream");
        await page.waitForSelector(".cells .stream");
        await page.locator("#play-figures").filter({ hasText: /first token after .* · 300 tokens/ }).waitFor();
        await page.waitForSelector("#no-requests:not([hidden])");

        await page.check("[name=api][value=text]");
        await page.fill("[name=prompt]", "Once upon a time");
        await page.fill("[name=max_tokens]", "8");
        await page.click("#send");
        await page.locator("#play-figures").filter({ hasText: /tokens\/s · 8 tokens · \d+ of the prompt/ }).waitFor();
        await page.locator(".model").filter({ hasText: "tokens/s" }).waitFor();
      });
    } finally {
      await llama.stop();
      await folder.remove();
    }
  },
});

Deno.test({
  name: "the page shows how far llama-server is with a prompt",
  ignore: LEFT_OUT,
  fn: () =>
    withPage({}, async (page, _daemon, llama) => {
      await page.waitForSelector("#state-dot.ready");
      const taken = llama.take();
      await page.fill("[name=prompt]", "Hello");
      await page.click("#send");
      const exchange = await taken;
      const progress = { total: 100, cache: 0, processed: 40, time_ms: 1 };
      const event = { choices: [{ delta: { role: "assistant", content: null } }], prompt_progress: progress };
      await exchange.send(STREAM_HEAD + chunk(`data: ${JSON.stringify(event)}\n\n`));
      await page.locator("#request-rows").filter({ hasText: "40 of 100 tokens of the prompt" }).waitFor();
      assertEquals(
        await page.locator("#request-rows .bar .prefill").evaluate((part) =>
          (part as unknown as { style: { getPropertyValue(name: string): string } }).style.getPropertyValue("--done")
        ),
        "40%",
      );
      await page.click("#stop");
      await page.waitForSelector("#no-requests:not([hidden])");
    }),
});

Deno.test({
  name: "a conversation goes on with its system prompt, and is copied as a program",
  ignore: LEFT_OUT,
  fn: () =>
    withPage({}, async (page, _daemon, llama) => {
      await page.waitForSelector("#state-dot.ready");
      for (const said of ["one", "two"]) {
        llama.next((exchange) => replyStream(exchange, chatStream(["Yes", ` ${said}.`])));
        await page.fill("[name=system]", "Be brief");
        await page.fill("[name=temperature]", "0.5");
        await page.fill("[name=prompt]", said);
        await page.click("#send");
        await page.locator("#turns").filter({ hasText: `Yes ${said}.` }).waitFor();
      }
      const { messages, temperature, stream } = JSON.parse(llama.posts.at(-1)?.body ?? "");
      assertEquals([temperature, stream], [0.5, true]);
      assertEquals(messages.map(({ content }: { content: string }) => content), ["Be brief", "one", "Yes one.", "two"]);

      await page.fill("[name=prompt]", "three");
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      for (
        const [language, words] of [["curl", "curl -N"], ["typescript", "new OpenAI("], ["python", "OpenAI(base_url="]]
      ) {
        await page.click(`[data-copy=${language}]`);
        await page.locator("#copied").filter({ hasText: `copied as ${language}` }).waitFor();
        const text = String(await page.evaluate("navigator.clipboard.readText()"));
        assertStringIncludes(text, words ?? "");
        assertStringIncludes(text, "three");
        assert(!text.includes("return_progress"), text);
      }
    }),
});

Deno.test({
  name: "an error is told in words, and a request of one's own is cancelled from the list",
  ignore: LEFT_OUT,
  fn: () =>
    withPage({ keys: "sk-one" }, async (page) => {
      await page.fill("#key", "sk-wrong");
      await page.press("#key", "Enter");
      await page.locator("#key-problem").filter({ hasText: /key/ }).waitFor();
      await page.fill("#key", "sk-one");
      await page.press("#key", "Enter");
      await page.waitForSelector("#state-dot.ready");
      assertEquals(await page.evaluate("Object.values(sessionStorage)"), ["sk-one"]);
      assertEquals(await page.evaluate("localStorage.length"), 0);
      await page.fill("[name=prompt]", "Hello");
      await page.click("#send");
      await page.click("#request-rows button");
      await page.locator("#play-problem").filter({ hasText: "cancelled" }).waitFor();
      await page.waitForSelector("#no-requests:not([hidden])");
    }, [/401/]),
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
