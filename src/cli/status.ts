import { TextLineStream } from "@std/streams/text-line-stream";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { formatAddress, reachableAddress } from "../config/address.ts";
import type { CommandFlagName } from "../config/arguments.ts";
import type { Configuration } from "../config/load.ts";
import type { Status } from "../dispatch/status.ts";
import type { Change, RequestView } from "../http/api/live/live_view.ts";
import { createDirectHttpClient } from "../llama/connection/http_client.ts";
import { printProblem, tryPrint } from "./print.ts";
import { type Picture, type Screen, statusLines } from "./status_view.ts";

/** How long modeld has to answer, and how long between two tries to reach it, in ms. */
const ANSWER_MS = 3_000;
const RETRY_MS = 1_000;

/** Between two drawings of the same picture, in which the times go on. */
const REDRAW_MS = 1_000;

/** What is shown where there is no terminal that says how large it is. */
const PLAIN: Omit<Screen, "colors"> = { columns: 120, rows: 1_000 };

/** What is wrong with the answer, or that there is none, in words. */
class NoAnswer extends Error {}

/**
 * Shows what a running modeld does, once or until it is interrupted. The exit code is 0 if that modeld is ready, 1 if it is
 * not or does not answer, 2 where it cannot be asked so.
 */
export async function status(
  { settings, tls }: Configuration,
  flags: ReadonlyMap<CommandFlagName, string>,
): Promise<number> {
  const own = formatAddress(reachableAddress(settings.addr));
  if (tls !== undefined && !flags.has("url")) {
    printProblem(`modeld serves TLS: name it as its certificate does, with --url https://NAME:${settings.addr.port}`);
    return 2;
  }
  const text = flags.get("url") ?? `http://${own}`;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    printProblem(`--url: ${JSON.stringify(text)} is no address: write http://HOST:PORT`);
    return 2;
  }
  const asker = new Asker(url, settings.apiKeys[0]);
  try {
    const show = flags.has("json") ? showJson : showPicture;
    return await show(asker, flags.has("watch"), systemClock);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    printProblem(error.message);
    return 1;
  } finally {
    asker.close();
  }
}

/** Asks one modeld, with a key. */
class Asker {
  readonly url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #client: Deno.HttpClient;

  constructor(url: URL, key: string | undefined) {
    this.url = url;
    this.#headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
    this.#client = createDirectHttpClient(url, { poolMaxIdlePerHost: 0 });
  }

  /** GET of a path below the address. @throws NoAnswer for anything but success */
  async get(path: string): Promise<Response> {
    const base = this.url.href.replace(/\/$/, "");
    const late = new AbortController();
    const timer = systemClock.after(ANSWER_MS, () => late.abort(new Error(`not within ${ANSWER_MS / 1_000} s`)));
    let reply: Response;
    try {
      reply = await fetch(base + path, { client: this.#client, headers: this.#headers, signal: late.signal });
    } catch (error) {
      throw new NoAnswer(`no answer from ${base}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      timer.clear();
    }
    if (reply.ok) return reply;
    const said = (await reply.text()).slice(0, 300);
    const remedy = reply.status === 401 ? "; give a key with --api-key-file" : "";
    throw new NoAnswer(`${base}${path} answers ${reply.status}: ${errorIn(said)}${remedy}`);
  }

  close(): void {
    this.#client.close();
  }
}

/** The message of a JSON error; the text itself where it is none. */
function errorIn(text: string): string {
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : text;
  } catch {
    return text; // another program's answer, as it came
  }
}

async function showJson(asker: Asker, goesOn: boolean, clock: Clock): Promise<number> {
  for (;;) {
    const status: Status = await (await asker.get("/status")).json();
    const isRead = tryPrint(`${goesOn ? JSON.stringify(status) : JSON.stringify(status, null, 2)}\n`);
    if (!goesOn || !isRead) return status.state === "ready" ? 0 : 1;
    await sleep(RETRY_MS, clock, FOR_EVER);
  }
}

async function showPicture(asker: Asker, goesOn: boolean, clock: Clock): Promise<number> {
  const canvas = new Canvas(goesOn && Deno.stdout.isTerminal());
  for (;;) {
    try {
      for await (const picture of pictures(await asker.get("/events"), clock)) {
        const isRead = canvas.show((screen) => statusLines(picture, asker.url.host, clock.wallTime(), screen));
        if (!goesOn || !isRead) return picture.fleet.state === "ready" ? 0 : 1;
      }
    } catch (error) {
      if (!goesOn || !(error instanceof NoAnswer)) throw error;
      if (!canvas.show(() => [`${error.message}; trying again`])) return 1;
    }
    await sleep(RETRY_MS, clock, FOR_EVER);
  }
}

/** Until the process is interrupted. */
const FOR_EVER = new AbortController().signal;

/** The state of modeld after each event of `GET /events`. Ends with the events; leaving it early ends them. */
async function* pictures(reply: Response, clock: Clock): AsyncGenerator<Picture> {
  const lines = (reply.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).pipeThrough(
    new TextLineStream(),
  );
  const requests = new Map<number, RequestView>();
  let known: Change = {};
  let clockOffset = 0;
  try {
    for await (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const change: Change = JSON.parse(line.slice(6));
      if (change.modeld !== undefined) clockOffset = change.modeld.now_unix_ms - clock.wallTime();
      for (const number of change.gone ?? []) requests.delete(number);
      for (const request of change.requests ?? []) requests.set(request.number, request);
      known = { ...known, ...change };
      const { modeld, fleet, recent, more_requests: more = 0 } = known;
      if (modeld === undefined || fleet === undefined || recent === undefined) continue; // the snapshot has them
      yield { version: modeld.version, fleet, recent, requests: [...requests.values()], more, clockOffset };
    }
  } catch (error) {
    // Only reading can fail here: whoever takes the pictures throws past this generator.
    throw new NoAnswer(`the connection was lost: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where pictures are drawn: each in the place of the one before, or below it. */
class Canvas {
  readonly #redraws: boolean;
  #height = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(redraws: boolean) {
    this.#redraws = redraws;
  }

  /** How large it is now. */
  get screen(): Screen {
    const colors = Deno.stdout.isTerminal() && !Deno.noColor;
    if (!Deno.stdout.isTerminal()) return { ...PLAIN, colors };
    const { columns, rows } = Deno.consoleSize();
    // The cursor stands on the line below the picture. Some terminals have a size of 0, and mean that they do not know it.
    return { columns: columns || 80, rows: this.#redraws ? (rows || 24) - 1 : PLAIN.rows, colors };
  }

  /** Shows these lines, and on a terminal again each second. Returns whether anybody sees them. */
  show(lines: (screen: Screen) => readonly string[]): boolean {
    clearTimeout(this.#timer);
    const shown = lines(this.screen);
    // Each line is cleared behind its end, and what is below the last: nothing flickers.
    const back = this.#height > 0 ? `\x1b[${this.#height}A` : "";
    const isRead = this.#redraws
      ? tryPrint(`${back}\r${shown.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`)
      : tryPrint(`${shown.join("\n")}\n`);
    this.#height = this.#redraws ? shown.length : 0;
    if (isRead && this.#redraws) this.#timer = setTimeout(() => this.show(lines), REDRAW_MS);
    return isRead;
  }
}
