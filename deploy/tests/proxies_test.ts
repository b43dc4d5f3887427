import { assertEquals } from "@std/assert";
import { Daemon } from "../../tests/support/daemon.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { infer } from "../../tests/support/ndjson_client.ts";
import { chunk, LAST_CHUNK, STREAM_HEAD } from "../../tests/support/replies.ts";
import { freePort } from "../../tests/support/ports.ts";
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";
import { FakeLlamaHttpServer } from "../../tests/support/fake_llama_http_server.ts";
import { startHaproxy } from "./haproxy.ts";
import { completionEnd, completionToken, SSE_DONE } from "../../tests/support/wire_streams.ts";

/** A proxy with the documented configuration, changed only in its ports. */
interface Proxy {
  readonly name: string;
  start(port: number, modeld: URL, folder: string): Promise<SpawnedProcess>;
}

const haproxy: Proxy = { name: "haproxy", start: (port, modeld, folder) => startHaproxy(port, [modeld], folder) };

const nginx: Proxy = {
  name: "nginx",
  async start(port, modeld, folder) {
    const documented = await Deno.readTextFile(new URL("../nginx/modeld.conf", import.meta.url));
    const site = documented.replace("127.0.0.1:8080", modeld.host).replace(/listen \d+;/, `listen 127.0.0.1:${port};`);
    await Deno.writeTextFile(`${folder}/modeld.conf`, site);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) =>
      `${kind}_temp_path ${folder};`
    );
    const main = `daemon off; error_log stderr notice; pid ${folder}/nginx.pid; worker_processes 1;
      events {} http { access_log off; ${temporary.join(" ")} include ${folder}/modeld.conf; }`;
    await Deno.writeTextFile(`${folder}/nginx.conf`, main);
    const process = new SpawnedProcess("nginx", ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr"]);
    await process.line(/start worker process \d+/);
    return process;
  },
};

const caddy: Proxy = {
  name: "caddy",
  async start(port, modeld, folder) {
    const config = new URL("../caddy/Caddyfile", import.meta.url).pathname;
    const process = new SpawnedProcess("caddy", ["run", "--config", config, "--adapter", "caddyfile"], {
      MODELD_SITE: `http://127.0.0.1:${port}`,
      MODELD_UPSTREAM: modeld.host,
      CADDY_ADMIN: `unix/${folder}/admin.sock`,
      XDG_CONFIG_HOME: folder,
      XDG_DATA_HOME: folder,
    });
    await process.line(/serving initial configuration/);
    return process;
  },
};

/** Those of a gateway whose effect shows in the log; the fairness ids go the same way. */
const GATEWAY_HEADERS = ["x-gateway-inference-objective", "x-llm-d-inference-objective"];

/** The log's lines of the inferences that have ended. */
function ended(modeld: Daemon): { readonly priority: string }[] {
  return modeld.process.stderrLines.map((line) => JSON.parse(line)).filter(({ message }) =>
    message === "inference ended"
  );
}

for (const proxy of [nginx, caddy, haproxy]) {
  Deno.test(`behind ${proxy.name} each token arrives before llama-server has sent the next`, async () => {
    await withProxy(proxy, async (url, llama) => {
      const proceed = Promise.withResolvers<void>();
      llama.next(async (exchange) => {
        await exchange.send(STREAM_HEAD + chunk(completionToken(" one")));
        await proceed.promise;
        await exchange.send(chunk(completionToken(" two")) + chunk(completionEnd() + SSE_DONE) + LAST_CHUNK);
      });
      const reply = await infer(url, { prompt: "count" });
      assertEquals((await reply.read(1)).map(({ text }) => text), ['{"token":" one"}']);
      proceed.resolve();
      const last = await reply.last();
      assertEquals([last.done, last.content], [true, " one two"]);
    });
  });

  Deno.test(`what only an inference gateway may say does not come from clients through ${proxy.name}`, async () => {
    await withProxy(proxy, async (url, _llama, modeld) => {
      for (const header of GATEWAY_HEADERS) {
        await (await infer(url, { prompt: "count" }, { headers: { [header]: "batch" } })).last();
      }
      await eventually("each has ended", () => ended(modeld).length === GATEWAY_HEADERS.length);
      assertEquals(ended(modeld).map(({ priority }) => priority), GATEWAY_HEADERS.map(() => "default"));
    });
  });

  Deno.test(`a client that leaves ${proxy.name} ends its generation`, async () => {
    await withProxy(proxy, async (url, llama) => {
      const gone = Promise.withResolvers<"gone">();
      const passed = Promise.withResolvers<"5 s passed">();
      llama.next(async (exchange) => {
        await exchange.send(STREAM_HEAD + chunk(completionToken(" one")));
        await exchange.gone;
        gone.resolve("gone");
      });
      const reply = await infer(url, { prompt: "count" });
      await reply.read(1);
      const timer = setTimeout(() => passed.resolve("5 s passed"), 5_000);
      await reply.leave();
      assertEquals(await Promise.race([gone.promise, passed.promise]), "gone");
      clearTimeout(timer);
    });
  });
}

async function withProxy(
  proxy: Proxy,
  use: (url: URL, llama: FakeLlamaHttpServer, modeld: Daemon) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const llama = await FakeLlamaHttpServer.start();
  // No deadline, so that nothing but the client's leaving ends a generation; no preflight, whose dry run is a generation too.
  const args = ["--llama-url", llama.url.href, "--llama-timeout", "0", "--preflight", "off"];
  const trust = ["--trusted-proxies", "127.0.0.1"];
  const modeld = await (await Daemon.start({ args: [...args, ...trust] })).ready();
  const port = freePort();
  const process = await proxy.start(port, modeld.url, folder);
  try {
    await use(new URL(`http://127.0.0.1:${port}`), llama, modeld);
  } finally {
    await process.stop();
    await modeld.stop();
    await llama.close();
    await Deno.remove(folder, { recursive: true });
  }
}
