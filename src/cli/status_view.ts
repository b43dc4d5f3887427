import { brief, shortName } from "../base/figures.ts";
import type { Stage } from "../base/timeline.ts";
import type { FleetView, InstanceView, RequestView } from "../http/api/live/live_view.ts";
import type { RecentFigures } from "../telemetry/recent.ts";
import { onOneLine, paint } from "./print.ts";

/** What is known of a running modeld: the last snapshot of its `GET /events`, with the changes since. */
export interface Picture {
  readonly version: string;
  readonly fleet: FleetView;
  readonly recent: RecentFigures;
  readonly requests: readonly RequestView[];
  /** Requests beside those that are listed. */
  readonly more: number;
  /** What is added to this machine's clock to have modeld's, in ms. */
  readonly clockOffset: number;
}

/** Where the picture is shown. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly colors: boolean;
}

/** Cells of slots that are drawn one by one; more are only counted. */
const MOST_CELLS = 16;
const LONGEST_ERROR = 60;

const GREEN = 32;
const YELLOW = 33;
const RED = 31;
const DIM = 2;

const STATE_COLORS: Readonly<Record<string, number>> = {
  ready: GREEN,
  loading: YELLOW,
  draining: YELLOW,
  unloaded: DIM,
  error: RED,
  lost: RED,
};

/** A cell of a table: text, and the colour that it has on a terminal. */
interface Cell {
  readonly text: string;
  readonly color?: number | undefined;
  /** Numbers stand at the right of their column. */
  readonly isNumber?: boolean;
}

/** The picture at `now` (Unix ms) as lines, none wider and not more of them than the screen. */
export function statusLines(picture: Picture, url: string, now: number, screen: Screen): readonly string[] {
  const { fleet } = picture;
  const blocks = [
    [headline(picture, url, screen)],
    ...fleet.error === undefined ? [] : [[draw({ text: fleet.error, color: RED }, screen.columns, screen)]],
    table(["SERVER", "MODEL", "STATE", "SLOTS", "QUEUE", "TOK/S", "CACHE", "VRAM"], serverRows(fleet), screen),
    fleet.clients.length === 0 ? [] : table(
      ["CLIENT", "RUNNING", "WAITING"],
      fleet.clients.map(({ name, running, waiting }) => [{ text: name }, number(running), number(waiting)]),
      screen,
    ),
    requestBlock(picture, now + picture.clockOffset, screen),
  ];
  const lines = blocks.filter((block) => block.length > 0).flatMap((block, i) => i === 0 ? block : ["", ...block]);
  return lines.slice(0, screen.rows);
}

function headline({ version, fleet, recent, requests, more }: Picture, url: string, screen: Screen): string {
  const waiting = fleet.clients.reduce((sum, client) => sum + client.waiting, 0);
  const running = fleet.clients.reduce((sum, client) => sum + client.running, 0);
  const state = fleet.state === "error" ? "not ready" : fleet.state;
  // The present step has only begun.
  const rate = Math.max(...recent.tokens_per_second.slice(-2), 0);
  const arriving = requests.length + more - waiting - running;
  const facts = [
    `modeld ${version} on ${url}`,
    state,
    `${running} running`,
    `${waiting} waiting`,
    ...arriving > 0 && running + waiting === 0 ? [`${arriving} arriving`] : [],
    `${Math.round(rate)} tokens/s`,
    ...fleet.budget_mb > 0 ? [`${megabytes(fleet.used_est_mb)} of ${megabytes(fleet.budget_mb)}`] : [],
  ];
  const text = clipTo(facts.join(" · "), screen.columns);
  return screen.colors ? text.replace(` ${state} `, ` ${paint(state, STATE_COLORS[fleet.state] ?? DIM)} `) : text;
}

function serverRows({ servers, instances }: FleetView): Cell[][] {
  return servers.flatMap(({ name, state, last_error: error }) => {
    const its = instances.filter(({ server }) => server === name);
    if (state === "ready" && its.length > 0) return its.map((instance) => instanceRow(name, instance));
    const why = error === undefined ? state : `${state}: ${clipTo(error, LONGEST_ERROR)}`;
    return [[{ text: name }, { text: "–" }, {
      text: state === "unknown" ? "not seen yet" : why,
      color: STATE_COLORS[state],
    }]];
  });
}

function instanceRow(server: string, instance: InstanceView): Cell[] {
  const { model_id, state, reason, inflight, slots, queue_len, tokens_per_second: rate, est_vram_mb } = instance;
  const { prompt_tokens: prompt = 0, cached_tokens: cached = 0 } = instance;
  return [
    { text: server },
    { text: clipTo(shortName(model_id), 24) },
    { text: reason === undefined ? state : `${state}: ${clipTo(reason, LONGEST_ERROR)}`, color: STATE_COLORS[state] },
    { text: slots === 0 ? "" : `${cells(instance)} ${inflight}/${slots}` },
    number(queue_len),
    { text: rate === undefined || rate === null ? "" : String(rate), isNumber: true },
    { text: prompt === 0 ? "" : `${Math.round(100 * cached / prompt)}%`, isNumber: true },
    { text: est_vram_mb === 0 ? "" : megabytes(est_vram_mb), isNumber: true },
  ];
}

/** A cell for each slot: `█` streams, `▓` reads its prompt, `▒` is leased and not confirmed idle, `·` is free. */
function cells({ slots, inflight, prefill, streaming, slots_unconfirmed: unconfirmed = 0 }: InstanceView): string {
  if (slots > MOST_CELLS) return "";
  const held = Math.max(0, inflight - prefill - streaming) + unconfirmed;
  return ("█".repeat(streaming) + "▓".repeat(prefill) + "▒".repeat(held)).padEnd(slots, "·").slice(0, slots);
}

function requestBlock({ requests, more }: Picture, now: number, screen: Screen): readonly string[] {
  if (requests.length === 0) return [];
  const room = Math.max(3, Math.min(10, screen.rows - 12));
  const shown = requests.slice(0, room).map((request) => requestRow(request, now));
  const left = requests.length - shown.length + more;
  const rows = table(["REQUEST", "CLIENT", "MODEL", "SERVER", "STAGE", "TOKENS", "TIME"], shown, screen);
  return left === 0 ? rows : [...rows, `and ${left} more`];
}

function requestRow(request: RequestView, now: number): Cell[] {
  const { id, client, model = "–", server = "–", stages, position, expected_wait_ms: wait, tokens } = request;
  const stage: Stage | "arriving" = stages.at(-1)?.[0] ?? "arriving";
  const { prompt_tokens: prompt = 0, prompt_done: read = 0 } = request;
  const reads = prompt > 0 && tokens === 0 ? ` ${read} of ${prompt}` : "";
  const place = position === undefined ? reads : ` ${position}${wait === undefined ? "" : `, about ${brief(wait)}`}`;
  return [
    { text: clipTo(id, 13) },
    { text: clipTo(client, 16) },
    { text: clipTo(shortName(model), 24) },
    { text: server },
    { text: stage + place },
    number(tokens),
    { text: brief(Math.max(0, now - request.arrived_unix_ms)), isNumber: true },
  ];
}

function table(head: readonly string[], rows: readonly (readonly Cell[])[], screen: Screen): readonly string[] {
  const all = [head.map((text): Cell => ({ text, color: DIM })), ...rows];
  // The last cell of a short row may be longer than its column.
  const widths = head.map((_, i) =>
    Math.max(...all.map((row) => i === row.length - 1 && i < head.length - 1 ? 0 : row[i]?.text.length ?? 0))
  );
  const isNumber = head.map((_, i) => rows.some((row) => row[i]?.isNumber === true));
  return all.map((row) => {
    let left = screen.columns;
    return row.map((cell, i) => {
      const width = widths[i] ?? 0;
      const isLast = i === row.length - 1;
      const padded = isNumber[i] ? cell.text.padStart(width) : isLast ? cell.text : cell.text.padEnd(width);
      const drawn = draw({ ...cell, text: i === 0 ? padded : `  ${padded}` }, left, screen);
      left -= Math.min(left, padded.length + (i === 0 ? 0 : 2));
      return drawn;
    }).join("");
  });
}

function draw({ text, color }: Cell, columns: number, { colors }: Screen): string {
  const short = clipTo(text, columns);
  return colors && color !== undefined && short !== "" ? paint(short, color) : short;
}

function number(value: number): Cell {
  return { text: String(value), isNumber: true };
}

function megabytes(mb: number): string {
  return mb < 1_024 ? `${mb} MB` : `${(mb / 1_024).toFixed(1)} GB`;
}

/** As much of a text as has room, without what could steer a terminal. */
function clipTo(text: string, columns: number): string {
  const plain = onOneLine(text);
  return plain.length <= columns ? plain : columns < 1 ? "" : `${plain.slice(0, columns - 1)}…`;
}
