import { Daemon } from "./daemon.ts";
import { eventually } from "./eventually.ts";
import { infer, type InferReply } from "./ndjson_client.ts";

type ReloadOutcome = "reloaded" | "failed";

/** A modeld whose configuration lies in a folder of the test's own, to be changed while it runs. */
export interface Configured {
  readonly modeld: Daemon;
  readonly folder: string;
  /** Writes a file of the folder. */
  write(name: string, text: string): Promise<void>;
  /** How the reloads so far came out, in order. */
  reloads(): readonly ReloadOutcome[];
  /** Sends SIGHUP, and resolves with the outcome of that reload when it is in the log. */
  reload(): Promise<ReloadOutcome>;
  /** Posts to `/infer` with this key. */
  ask(key: string, request?: Record<string, unknown>, options?: Parameters<typeof infer>[2]): Promise<InferReply>;
  /** What an admin, or whoever has this key, sees at a path. */
  see(key: string, path: string): Promise<string>;
}

/** What a test's modeld is started with. */
export interface ConfiguredOptions {
  /** Files of the folder, by name; `FOLDER` in them is its path. `modeld.json` is the config file. */
  readonly files: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
  readonly denoFlags?: readonly string[];
  /** Called with the folder before modeld starts. @returns the path of the config file in it */
  readonly prepare?: (folder: string) => Promise<string>;
}

/** Header fields with this key. */
export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}

/** Runs a test with such a modeld, and takes it down again. */
export async function withConfigured(
  { files, args = [], denoFlags = [], prepare }: ConfiguredOptions,
  test: (configured: Configured) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "modeld_configured_" });
  const write = (name: string, text: string) =>
    Deno.writeTextFile(`${folder}/${name}`, text.replaceAll("FOLDER", folder));
  try {
    for (const [name, content] of Object.entries(files)) {
      await write(name, typeof content === "string" ? content : JSON.stringify(content));
    }
    const config = await prepare?.(folder) ?? "modeld.json";
    const modeld = await Daemon.start({ args: ["--config", `${folder}/${config}`, ...args], denoFlags });
    try {
      await modeld.ready();
      const reloads = reloadsOf(modeld);
      await test({
        modeld,
        folder,
        write,
        reloads,
        async reload() {
          const before = reloads().length;
          modeld.process.signal("SIGHUP");
          await eventually("the configuration is gathered anew", () => reloads().length > before);
          return reloads()[before] ?? "failed";
        },
        ask: (key, request, { headers, ...options } = {}) =>
          infer(modeld.url, { prompt: "Once", ...request }, { ...options, headers: { ...bearer(key), ...headers } }),
        async see(key, path) {
          using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
          return await (await fetch(new URL(path, modeld.url), { headers: bearer(key), client })).text();
        },
      });
    } finally {
      await modeld.stop("SIGKILL");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Finds the outcomes of reloads in the log; each line is looked at once. */
function reloadsOf({ process: { lines } }: Daemon): () => readonly ReloadOutcome[] {
  const outcomes: ReloadOutcome[] = [];
  let seen = 0;
  return () => {
    for (; seen < lines.length; seen++) {
      const found = /the configuration was (not )?reloaded/.exec(lines[seen] ?? "");
      if (found !== null) outcomes.push(found[1] === undefined ? "reloaded" : "failed");
    }
    return outcomes;
  };
}
