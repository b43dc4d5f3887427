/**
 * Draws docs/page.webp, the README's picture of the page: modeld in front of three fake llama-servers under a mixed load, as
 * Chromium shows it. Takes two minutes, and Chromium from `CHROMIUM` or /usr/bin/chromium.
 */
import type { Page } from "playwright-core";
import { Daemon } from "../../tests/support/daemon.ts";
import { FakeLlamaHttpServer } from "../../tests/support/fake_llama_http_server.ts";

const picture = new URL("../../docs/page.webp", import.meta.url);
/** How long the load lasts before the picture is taken, in ms: the plots are to have something to show. */
const loadMs = 110_000;
/** Most bytes that the picture may have. */
const largest = 150_000;
const model = "qwen3-8b";

/** Who asks: how often, for how many tokens, and with which share of the slots. */
const clients = [
  { name: "chat", weight: 4, priority: "interactive", everyMs: 2_900, tokens: 120 },
  { name: "agents", weight: 2, priority: "default", everyMs: 4_400, tokens: 200 },
  { name: "nightly", weight: 1, priority: "batch", everyMs: 3_400, tokens: 160 },
] as const;

const folder = await Deno.makeTempDir();
const fakes = await Promise.all([25, 30, 45].map((tokenDelay) =>
  FakeLlamaHttpServer.start({
    models: [model],
    slots: 2,
    tokenDelay,
    tokens: Array.from({ length: 500 }, (_, i) => ` word${i}`),
  })
));
await Deno.writeTextFile(`${folder}/modeld.json`, configuration());
const modeld = await Daemon.start({ args: ["--config", `${folder}/modeld.json`, "--preflight=off"] });
const over = new AbortController();
try {
  await modeld.ready();
  const load = clients.map((client) => ask(client, over.signal));
  await draw();
  over.abort();
  await Promise.all(load);
} finally {
  await modeld.stop("SIGKILL");
  await Promise.all(fakes.map((fake) => fake.close()));
  await Deno.remove(folder, { recursive: true });
}
const { size } = await Deno.stat(picture);
if (size > largest) throw new Error(`docs/page.webp has ${size} bytes, more than ${largest}`);
console.log(`wrote docs/page.webp, ${size} bytes`);

function configuration(): string {
  return JSON.stringify({
    servers: fakes.map(({ url }, i) => ({ name: ["gpu-a", "gpu-b", "gpu-c"][i], url: url.href })),
    clients: [
      { name: "operator", key: "operator", admin: true },
      ...clients.map(({ name, weight, priority }) => ({ name, weight, priority, key: name })),
    ],
  });
}

/** Sends a client's requests one after the other, in waves, until the signal is aborted. */
async function ask({ name, everyMs, tokens }: (typeof clients)[number], signal: AbortSignal): Promise<void> {
  const running = new Set<Promise<void>>();
  for (let i = 0; !signal.aborted; i++) {
    const sent = generate(name, Math.round(tokens * (0.5 + (i * 7 % 10) / 10)), i, signal);
    running.add(sent);
    sent.finally(() => running.delete(sent));
    const wave = 1 + 0.5 * Math.sin(i / 8);
    await new Promise((resolve) => setTimeout(resolve, everyMs * wave));
  }
  await Promise.all(running);
}

async function generate(key: string, max_tokens: number, i: number, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({ prompt: `Request ${i} of ${key}`, max_tokens });
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}`, "x-request-id": `${key}-${i}` };
  try {
    await (await fetch(new URL("/infer", modeld.url), { method: "POST", body, headers, signal })).text();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function draw(): Promise<void> {
  // It looks for WSL in /proc, which Deno allows only to programs that may do everything; with this it does not.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
  try {
    const page = await browser.newPage({ colorScheme: "light", viewport: { width: 1200, height: 800 } });
    await page.goto(modeld.url.href);
    await page.fill("#key", "operator");
    await page.press("#key", "Enter");
    await page.waitForSelector("#state-dot.ready");
    await new Promise((resolve) => setTimeout(resolve, loadMs));
    await page.waitForSelector("#request-rows tr");
    const session = await page.context().newCDPSession(page);
    const { data } = await session.send("Page.captureScreenshot", {
      format: "webp",
      quality: 80,
      captureBeyondViewport: true,
      clip: await fromTopTo(page, "#recent"),
    });
    await Deno.writeFile(picture, Uint8Array.from(atob(data), (char) => char.charCodeAt(0)));
  } finally {
    await browser.close();
  }
}

/** The page from its top to the end of an element. */
async function fromTopTo(page: Page, selector: string) {
  const box = await page.locator(selector).boundingBox();
  const height = Math.ceil((box?.y ?? 0) + (box?.height ?? 800));
  return { x: 0, y: 0, width: 1200, height, scale: 1 };
}
