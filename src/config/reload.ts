import type { Clock, Timer } from "../base/clock.ts";
import type { Configuration } from "./load.ts";
import { ConfigurationError } from "./problem.ts";
import { settingNames, settingsTable } from "./settings_table.ts";

/** What became of a reload. */
export type ReloadOutcome =
  /** `restart`: settings whose change waits for a restart. */
  | { readonly is: "changed"; readonly configuration: Configuration; readonly restart: readonly string[] }
  /** Nothing has changed. */
  | { readonly is: "failed"; readonly problems: readonly string[] };

/** What a reload works with. */
export interface ReloadOptions {
  /** The configuration that modeld was started with. */
  readonly configuration: Configuration;
  /** Gathers it anew. @throws ConfigurationError */
  readonly load: () => Promise<Configuration>;
  /** What changes when the file's content does; see `contentOf`. */
  readonly content: (path: string) => Promise<string>;
  readonly report: (outcome: ReloadOutcome) => void;
  readonly clock: Clock;
}

/** How often the files are looked at, in ms. */
const interval = 2_000;
/** How long a file must have stayed the same before it is used: whoever writes it may not be done. */
const settling = 200;

/**
 * Keeps the configuration up to date: looks at the files it came from, and gathers it anew when one has changed or when it
 * is told to. One with a problem changes nothing.
 */
export class Reload {
  readonly #options: ReloadOptions;
  #current: Configuration;
  /** The files to look at; of a configuration with a problem, those that it names. */
  #files: readonly string[];
  /** What the files held when the configuration was last gathered; undefined before the first look. */
  #used: string | undefined;
  /** What they held at the last look. */
  #seen: string | undefined;
  #timer: Timer | undefined;
  #work: Promise<void>;
  #closed = false;

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#current = options.configuration;
    this.#files = options.configuration.files;
    this.#work = this.#look();
  }

  /** The configuration that holds now. */
  get current(): Configuration {
    return this.#current;
  }

  /** Gathers the configuration anew, whether or not a file has changed. */
  now(): Promise<void> {
    return this.#enqueue(() => this.#gather());
  }

  /** Looks no more; resolves when nothing of it runs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.clear();
    await this.#work;
  }

  /** One thing at a time. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(() => this.#closed ? undefined : work());
    return this.#work;
  }

  async #look(): Promise<void> {
    const content = await this.#contents();
    const isSettled = content === this.#seen;
    this.#seen = content;
    this.#used ??= content;
    if (isSettled && content !== this.#used) await this.#gather();
    if (this.#closed) return;
    const wait = this.#seen === this.#used ? interval : settling;
    this.#timer = this.#options.clock.after(wait, () => void this.#enqueue(() => this.#look()));
  }

  async #gather(): Promise<void> {
    const { load, report } = this.#options;
    const files = this.#files;
    // Before they are read, so that a change in between is seen at the next look.
    const content = await this.#contents();
    try {
      const next = await load();
      this.#files = next.files;
      const lost = lostLists(this.#current, next);
      if (lost.length > 0) throw new ConfigurationError(lost, next.files);
      const { configuration, restart } = merge(this.#current, next);
      this.#current = configuration;
      report({ is: "changed", configuration, restart });
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      this.#files = error.files;
      report({ is: "failed", problems: error.problems });
    }
    const isSame = files.join("\n") === this.#files.join("\n");
    this.#seen = this.#used = isSame ? content : await this.#contents();
  }

  async #contents(): Promise<string> {
    return (await Promise.all(this.#files.map(this.#options.content))).join("\n");
  }
}

/** What a file that was cut off may have lost, and nobody takes away in earnest while modeld runs. */
function lostLists(running: Configuration, next: Configuration): readonly string[] {
  const isLost = (list: "clients" | "servers") => running[list].length > 0 && next[list].length === 0;
  return [
    ...isLost("clients") ? ["clients: no key is left: restart modeld if everybody may use it"] : [],
    ...isLost("servers") ? ["servers: no llama-server is left: restart modeld if it is to serve none"] : [],
  ];
}

/** The new configuration with the running one's values of what needs a restart, and the names of those that differ. */
function merge(running: Configuration, next: Configuration) {
  const settings: Record<string, unknown> = { ...next.settings };
  const restart: string[] = [];
  for (const name of settingNames) {
    if (settingsTable[name].reload === "live") continue;
    const value = running.settings[name];
    if (JSON.stringify(value) !== JSON.stringify(next.settings[name])) restart.push(settingsTable[name].title);
    settings[name] = value;
  }
  const { tls } = running;
  const configuration: Configuration = Object.freeze({
    ...next,
    settings: Object.freeze(settings) as unknown as Configuration["settings"],
    ...(tls === undefined ? {} : { tls }),
  });
  return { configuration, restart };
}

/** A digest of the file's content, wherever a symlink leads; the error's name where it cannot be read. */
export async function contentOf(path: string): Promise<string> {
  try {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
    return new Uint8Array(digest).toHex();
  } catch (error) {
    // Whoever gathers the configuration says what is wrong with the file.
    return error instanceof Error ? error.name : "unreadable";
  }
}
