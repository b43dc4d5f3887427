import { Daemon } from "../../tests/support/daemon.ts";
import { RealLlamaServer } from "../../tests/support/real_llama_server.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { freePort, listens } from "../../tests/support/ports.ts";
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";
import { SLOTS } from "./loads.ts";

/** What stands before the servers. */
export type FrontName = "straight" | "nginx" | "modeld";

/** Fresh llama-servers and what stands before them. */
export interface Front {
  readonly url: URL;
  killServer(): void;
  stop(): Promise<void>;
}

/** Starts so many llama-servers with the model, and the front. */
export async function startFront(name: FrontName, servers: number, model: string, folder: string): Promise<Front> {
  // One thread each: two servers must not slow each other down more than one does. Less than 8 GiB of host cache, for CI.
  const args = [
    "-m",
    model,
    "-c",
    String(SLOTS * 8_192),
    "-np",
    String(SLOTS),
    "-t",
    "1",
    "--cache-ram",
    "1024",
    "--no-warmup",
  ];
  const upstreams = await Promise.all(
    Array.from({ length: servers }, () => RealLlamaServer.start(args, { readyMs: 120_000 })),
  );
  const stopServers = async () => void await Promise.all(upstreams.map((upstream) => upstream.stop("SIGKILL")));
  const before = await startBefore(name, upstreams.map(({ url }) => url), folder).catch(async (error) => {
    await stopServers();
    throw error;
  });
  return {
    url: before.url,
    killServer() {
      if (upstreams.length > 1) upstreams.at(-1)?.process.signal("SIGKILL");
    },
    async stop() {
      await before.stop();
      await stopServers();
    },
  };
}

async function startBefore(
  name: FrontName,
  upstreams: readonly URL[],
  folder: string,
): Promise<Omit<Front, "killServer">> {
  const [first] = upstreams;
  if (first === undefined) throw new Error("no server to stand before");
  switch (name) {
    case "straight":
      return { url: first, stop: () => Promise.resolve() };
    case "modeld": {
      // A batch of 500 and bursts are to wait, here as in llama-server itself.
      const daemon = await Daemon.start({
        args: [...upstreams.map(({ href }) => `--llama-url=${href}`), "--max-queue-depth=1000", "--max-wait=0"],
      });
      await daemon.ready();
      return { url: daemon.url, stop: async () => void await daemon.stop() };
    }
    case "nginx": {
      const port = freePort();
      const file = `${folder}/nginx-${port}.conf`;
      await Deno.writeTextFile(file, configuration(port, upstreams, folder));
      const process = new SpawnedProcess("nginx", ["-c", file, "-p", folder, "-e", `${folder}/nginx-error.log`]);
      await eventually("nginx listens", () => listens(port));
      return { url: new URL(`http://127.0.0.1:${port}`), stop: async () => void await process.stop("SIGKILL") };
    }
  }
}

function configuration(port: number, upstreams: readonly URL[], folder: string): string {
  return `
daemon off;
master_process off;
pid ${folder}/nginx-${port}.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  upstream servers { least_conn; ${upstreams.map(({ host }) => `server ${host};`).join(" ")} }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_read_timeout 1h;
    }
  }
}
`;
}
