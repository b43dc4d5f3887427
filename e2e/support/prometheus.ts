import { freePort } from "../../tests/support/ports.ts";
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";

/** What to do where Debian's package prometheus is not installed. */
export const INSTALL_PROMETHEUS =
  "install prometheus (Debian: apt install prometheus), or set MODELD_WITHOUT_PROMETHEUS=1 to leave this test out";

/** One series of an instant query's answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  /** May be NaN, as a quantile of nothing is. */
  readonly value: number;
}

/** A real Prometheus that scrapes one modeld four times a second. */
export class Prometheus implements AsyncDisposable {
  readonly #process: SpawnedProcess;
  readonly #url: string;
  readonly #folder: string;

  private constructor(process: SpawnedProcess, url: string, folder: string) {
    this.#process = process;
    this.#url = url;
    this.#folder = folder;
  }

  /**
   * Starts it and waits until it answers.
   *
   * @param target host and port of the modeld to scrape
   * @throws Error that says what is missing
   */
  static async start(target: string): Promise<Prometheus> {
    const folder = await Deno.makeTempDir({ prefix: "modeld-prometheus-" });
    const config = {
      global: { scrape_interval: "250ms", scrape_timeout: "250ms" },
      scrape_configs: [{ job_name: "modeld", static_configs: [{ targets: [target] }] }],
    };
    // JSON is YAML.
    await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify(config));
    const address = `127.0.0.1:${freePort()}`;
    const process = spawn([
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
    ]);
    await process.line(/Server is ready to receive web requests/);
    return new Prometheus(process, `http://${address}`, folder);
  }

  /**
   * The answer to an instant query.
   *
   * @throws Error with Prometheus's message where it refuses the query.
   */
  async query(expression: string): Promise<readonly Sample[]> {
    const reply = await fetch(`${this.#url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
    const { status, error, data } = await reply.json();
    if (status !== "success") throw new Error(`Prometheus refuses ${expression}: ${error}`);
    const result: { metric: Record<string, string>; value: [number, string] }[] = data.result;
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function spawn(args: readonly string[]): SpawnedProcess {
  try {
    return new SpawnedProcess("prometheus", args);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error(`no prometheus: ${INSTALL_PROMETHEUS}`);
    throw error;
  }
}
