import type { Clock, Timer } from "../base/clock.ts";
import { shortName } from "../base/figures.ts";
import { version } from "../base/version.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import type { Status } from "../dispatch/status.ts";
import { getLogger } from "../telemetry/log.ts";
import { clearProgress, isWatched, printNotice, showProgress } from "./print.ts";

const log = getLogger("serve");

/** Between two looks, in ms: at first, while modeld is not ready for longer, and once it is. */
const STARTING_MS = 50;
const WAITING_MS = 250;
const SERVING_MS = 1_000;

/** After this time without being ready it says where it listens, in ms. */
const PATIENCE_MS = 300;

/** What the report is made from. */
export interface StartReportOptions {
  /** Where modeld listens. */
  readonly url: string;
  /** Whether any llama-server is configured. */
  readonly hasServers: boolean;
  readonly fleet: Pick<Fleet, "readiness" | "status">;
  readonly clock: Clock;
}

/**
 * Tells whoever started modeld how that went: one line once it is ready; if that takes longer, where it listens before;
 * without any llama-server, what to do next. On a terminal it goes on to show, on one line that changes, what loads.
 */
export class StartReport {
  readonly #options: StartReportOptions;
  readonly #startedAt: number;
  /** When each model that loads was first seen to. */
  #loadingSince: ReadonlyMap<string, number> = new Map();
  #timer: Timer | undefined;
  #isStarting = true;
  #saidWhere = false;
  #isReady = false;

  /** Begins at once; `close` ends it. */
  constructor(options: StartReportOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    if (!options.hasServers) this.#explainNext();
    this.#look();
  }

  /** Nothing else shows progress from now on. */
  startIsOver(): void {
    this.#isStarting = false;
  }

  /** Looks no more. */
  close(): void {
    this.#timer?.clear();
    if (this.#loadingSince.size > 0) clearProgress();
  }

  readonly #look = (): void => {
    const { fleet, clock } = this.#options;
    if (!this.#isReady && fleet.readiness() === "ready") this.#sayReady(fleet.status());
    else if (!this.#isReady && clock.now() - this.#startedAt >= PATIENCE_MS) this.#sayWhere();
    if (isWatched && !this.#isStarting) this.#showLoading(fleet.status());
    if (this.#isReady && !isWatched) return;
    const pause = this.#isReady ? SERVING_MS : this.#saidWhere ? WAITING_MS : STARTING_MS;
    this.#timer = clock.after(pause, this.#look);
  };

  #sayReady(status: Status): void {
    this.#isReady = true;
    clearProgress();
    const { url } = this.#options;
    const models = [...new Set(status.instances.map(({ model_id }) => model_id))];
    const servers = status.servers.filter(({ state }) => state === "ready");
    const slots = servers.reduce((sum, server) => sum + server.slots, 0);
    const properties = { url, version, models: models.length, servers: servers.length, slots };
    log.log("info", "ready", properties, () =>
      [
        `ready on ${url}`,
        `${counted(models.map(shortName), "models")} on ${counted(servers.map(({ url }) => hostOf(url)), "servers")}`,
        ...slots === 0 ? [] : [slots === 1 ? "1 slot" : `${slots} slots`],
      ].join(" · "));
  }

  #sayWhere(): void {
    if (this.#saidWhere) return;
    this.#saidWhere = true;
    const { url, fleet } = this.#options;
    const readiness = fleet.readiness();
    log.log("info", "listening", { url, version, readiness }, () => `listening on ${url}, not ready yet: ${readiness}`);
  }

  #explainNext(): void {
    this.#saidWhere = true;
    const { url } = this.#options;
    if (isWatched) return printNotice(nextSteps(url));
    log.warn("no llama-server is configured, so /infer answers 503: set --llama-url");
    log.info("listening", { url, version, readiness: "not configured" });
  }

  #showLoading({ instances }: Status): void {
    const now = this.#options.clock.now();
    const loading = instances.filter(({ state }) => state === "loading");
    const wasLoading = this.#loadingSince.size > 0;
    this.#loadingSince = new Map(loading.map(({ model_id, server }) => {
      const key = `${shortName(model_id)} on ${server}`;
      return [key, this.#loadingSince.get(key) ?? now];
    }));
    const each = [...this.#loadingSince].map(([key, since]) => `${key}, ${Math.round((now - since) / 1_000)} s`);
    if (each.length > 0) showProgress(`loading ${each.join("; ")}`);
    else if (wasLoading) clearProgress();
  }
}

/** The one by its name, more by their number. */
function counted(names: readonly string[], word: string): string {
  return names.length === 1 ? names[0] ?? "" : `${names.length} ${word}`;
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** What somebody who has started modeld alone can do next. */
export function nextSteps(url: string): string {
  return `modeld listens on ${url}, and there is no llama-server behind it: requests get 503.

To try it, with a little model that comes with it:

    modeld demo

For a model of your own, start llama-server, and modeld in front of it:

    llama-server -m model.gguf --host 127.0.0.1 --port 8081
    modeld --llama-url http://127.0.0.1:8081

If that does not work, this says why:

    modeld check --llama-url http://127.0.0.1:8081

"modeld -h" shows more. Press Ctrl+C to stop modeld.
`;
}
