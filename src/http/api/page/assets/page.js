import { ask, duration, find, findAs, key, linesOf, make, problemOf, setText } from "./dom.js";
import { showModels, startPlayground } from "./playground.js";
import { showRecent } from "./plots.js";

// The types of what modeld sends are those of modeld itself; `deno task check` holds this file against them.
/** @typedef {import("../../live/live_view.ts").FleetView} FleetView */
/** @typedef {import("../../live/live_view.ts").InstanceView} InstanceView */
/** @typedef {import("../../live/live_view.ts").RequestView} RequestView */
/** @typedef {import("../../live/live_view.ts").Change} Change */
/** @typedef {FleetView["servers"][number]} ServerView */
/** @typedef {{request: RequestView, row: HTMLElement, cells: HTMLElement[], bar: HTMLElement, note: HTMLElement}} Entry */

/** Before the page connects again, in ms. */
const RECONNECT_MS = 1000;
/** Without a byte from modeld, which sends at least a comment every 10 s. */
const SILENCE_MS = 25_000;

/**
 * What modeld says of itself and of this page's client.
 *
 * @type {NonNullable<Change["modeld"]>}
 */
let modeld = { version: "", client: "", admin: false, keys: false, now_unix_ms: 0 };
/** What is added to this machine's clock to have modeld's, in ms. */
let clockOffset = 0;
/**
 * When the page first saw a model load, where modeld does not say since when; this machine's ms.
 *
 * @type {Map<string, number>}
 */
const loadingSince = new Map();
/**
 * Requests by number, each with its row.
 *
 * @type {Map<number, Entry>}
 */
const requests = new Map();
let more = 0;

startPlayground();
follow();
setInterval(() => requests.forEach(showTimes), 250);

find("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = findAs("key", HTMLInputElement);
  key.set(field.value.trim());
  field.value = "";
  follow();
});

find("forget-key").addEventListener("click", () => {
  key.forget();
  location.reload();
});

/** Follows `GET /events` for as long as the page lives; asks for a key where one is needed. */
async function follow() {
  if (document.documentElement.dataset.keys === "asked" && key.get() === null) return askForKey("");
  for (;;) {
    let problem = "modeld cannot be reached";
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const reply = await ask("events", { signal: silence.signal });
      if (reply.status === 401) return askForKey(await problemOf(reply));
      if (!reply.ok) throw new Error(problem = await problemOf(reply));
      showContent();
      let name = "";
      for await (const line of linesOf(reply)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        if (line.startsWith("event: ")) name = line.slice(7);
        if (line.startsWith("data: ")) take(name, JSON.parse(line.slice(6)));
      }
    } catch (error) {
      // Said below; a reader who wants more finds it in the browser's console.
      console.debug(error);
    } finally {
      clearTimeout(timer);
    }
    showState("lost", `${problem}; trying again`);
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

/** @param {string} problem */
function askForKey(problem) {
  find("content").hidden = true;
  find("key-form").hidden = false;
  find("forget-key").hidden = true;
  setText(find("key-problem"), problem);
  key.forget();
  showState("unknown", "needs a key");
  find("key").focus();
}

function showContent() {
  find("key-form").hidden = true;
  find("content").hidden = false;
  find("forget-key").hidden = key.get() === null;
}

/**
 * @param {string} name
 * @param {Change} change
 */
function take(name, change) {
  if (name === "snapshot" && change.modeld !== undefined) {
    modeld = change.modeld;
    clockOffset = modeld.now_unix_ms - Date.now();
    more = 0;
    for (const number of [...requests.keys()]) removeRequest(number);
    setText(find("version"), modeld.version);
  }
  if (change.fleet !== undefined) showFleet(change.fleet);
  for (const number of change.gone ?? []) removeRequest(number);
  for (const request of change.requests ?? []) showRequest(request);
  more = change.more_requests ?? more;
  showCounts();
  if (change.recent !== undefined) showRecent(change.recent);
}

// Servers and models

/** @type {Readonly<Record<string, string>>} */
const STATES = { ready: "ready", loading: "loading", draining: "stopping", error: "not serving", lost: "lost" };

/**
 * @param {string} state
 * @param {string} text
 */
function showState(state, text) {
  find("state-dot").className = `dot ${state}`;
  setText(find("state-text"), text);
}

/** @param {FleetView} fleet */
function showFleet(fleet) {
  showState(fleet.state, STATES[fleet.state] ?? fleet.state);
  setText(find("fleet-problem"), fleet.error ?? "");
  find("vram").replaceChildren(...vram(fleet));
  find("server-list").replaceChildren(
    ...fleet.servers.map((server) =>
      serverCard(server, fleet.instances.filter((instance) => instance.server === server.name))
    ),
  );
  showModels([...new Set(fleet.instances.map((instance) => instance.model_id))]);
}

/** @param {FleetView} fleet */
function vram({ used_est_mb: used, budget_mb: budget }) {
  if (budget === 0) {
    return used === 0 ? [] : [make("p", { className: "quiet" }, `about ${mb(used)} of memory in use, no budget`)];
  }
  const text = `about ${mb(used)} of ${mb(budget)} of memory in use`;
  return [
    make("p", { className: "quiet" }, text),
    make("progress", { max: budget, value: Math.min(used, budget), "aria-label": text }),
  ];
}

/**
 * @param {ServerView} server
 * @param {readonly InstanceView[]} instances
 */
function serverCard(server, instances) {
  const state = server.state === "unknown" ? "not seen yet" : server.state;
  const facts = [server.kind, server.build, server.url].filter((fact) => fact !== undefined).join(" · ");
  return make(
    "article",
    { className: "card" },
    make("h3", {}, dot(server.state), `${server.name}: ${state}`),
    make("p", { className: "quiet" }, facts),
    ...server.last_error === undefined
      ? []
      : [make("p", { className: server.state === "lost" ? "problem" : "quiet" }, `last error: ${server.last_error}`)],
    ...instances.map(model),
  );
}

/** @param {InstanceView} instance */
function model(instance) {
  const { model_id: id, server, state, reason } = instance;
  if (state !== "loading") loadingSince.delete(`${server}\n${id}`);
  /** @type {HTMLElement[]} */
  const parts = [make("h3", { title: id }, dot(state), short(id))];
  if (state === "loading") parts.push(loading(instance));
  else if (reason === undefined) parts.push(make("p", { className: "quiet" }, state));
  else parts.push(make("p", { className: "problem" }, `${state}: ${reason}`));
  if (state === "ready" || instance.inflight > 0) parts.push(slots(instance));
  parts.push(make("p", { className: "quiet" }, figures(instance)));
  return make("div", { className: "model" }, ...parts);
}

/** @param {InstanceView} instance */
function loading({ model_id: id, server, loading_since_unix: since }) {
  const name = `${server}\n${id}`;
  const seen = loadingSince.get(name) ?? Date.now();
  loadingSince.set(name, seen);
  const start = since === undefined ? seen : since * 1000 - clockOffset;
  const text = make("p", { className: "quiet" });
  const show = () => {
    setText(text, `loading for ${Math.max(0, Math.round((Date.now() - start) / 1000))} s`);
    if (text.isConnected) setTimeout(show, 1000);
  };
  show();
  setTimeout(show, 1000);
  return make("div", {}, text, make("progress", { "aria-label": `${id} is loading` }));
}

/** @param {InstanceView} instance */
function slots({ slots, inflight, prefill, streaming, slots_unconfirmed: unconfirmed = 0 }) {
  const leased = Math.max(0, inflight - prefill - streaming);
  const free = Math.max(0, slots - inflight - unconfirmed);
  /** @type {[string, number, string][]} */
  const kinds = [
    ["stream", streaming, "streaming"],
    ["prefill", prefill, "reading the prompt"],
    ["held", leased + unconfirmed, "leased, not confirmed idle"],
    ["free", free, "free"],
  ];
  const words = kinds.filter(([, count]) => count > 0).map(([, count, word]) => `${count} ${word}`);
  return make(
    "div",
    { className: "cells", role: "img", "aria-label": `slots: ${words.join(", ")}` },
    ...kinds.flatMap(([kind, count]) =>
      Array.from({ length: count }, () => make("span", { className: `cell ${kind}` }))
    ),
  );
}

/** @param {InstanceView} instance */
function figures({ est_vram_mb: vram, queue_len: queue, tokens_per_second: rate, ...instance }) {
  const { prompt_tokens: prompt = 0, cached_tokens: cached = 0 } = instance;
  return [
    ...queue > 0 ? [`${queue} waiting`] : [],
    ...vram > 0 ? [`about ${mb(vram)}`] : [],
    ...rate ? [`${rate} tokens/s`] : [],
    ...prompt > 0 ? [`${Math.round(100 * cached / prompt)} % of prompt tokens from the cache`] : [],
  ].join(" · ");
}

/** @param {string} state */
function dot(state) {
  return make("span", { className: `dot ${state}`, "aria-hidden": "true" });
}

/**
 * A model that is called by the path of its file is shown by the file's name.
 *
 * @param {string} id
 */
function short(id) {
  return id.endsWith(".gguf") ? id.replace(/^.*\//, "") : id;
}

/** @param {number} size */
function mb(size) {
  return size < 1024 ? `${size} MB` : `${(size / 1024).toFixed(1)} GB`;
}

// Requests

/** @param {RequestView} request */
function showRequest(request) {
  const known = requests.get(request.number);
  if (known !== undefined) {
    known.request = request;
    return fill(known);
  }
  const bar = make("div", { className: "bar", role: "img" });
  const note = make("small");
  const mayCancel = modeld.keys && (modeld.admin || request.client === modeld.client);
  const cells = [
    ...Array.from({ length: 4 }, () => make("td")),
    make("td", { className: "stages" }, bar, note),
    make("td", { className: "number" }),
    make("td", { className: "number" }),
    make("td", {}, ...mayCancel ? [cancelButton(request.id)] : []),
  ];
  const entry = { request, row: make("tr", {}, ...cells), cells, bar, note };
  requests.set(request.number, entry);
  find("request-rows").append(entry.row);
  fill(entry);
}

/** @param {string} id */
function cancelButton(id) {
  const button = make("button", { type: "button", "aria-label": `Cancel request ${id}` }, "Cancel");
  button.addEventListener("click", async () => {
    button.disabled = true;
    const reply = await ask(`requests/${encodeURIComponent(id)}`, { method: "DELETE" });
    if (!reply.ok && reply.status !== 404) button.disabled = false; // 404: it has just ended
  });
  return button;
}

/** @param {Entry} entry */
function fill(entry) {
  const { request, cells, note } = entry;
  const { id, client, model = "–", server = "–", tokens, position, expected_wait_ms: wait } = request;
  const { prompt_tokens: prompt = 0, prompt_done: read } = request;
  [id, client, short(model), server].forEach((text, i) => setCell(cells[i], text));
  cells[0]?.setAttribute("title", id);
  cells[2]?.setAttribute("title", model);
  setCell(cells[5], String(tokens));
  const expected = wait === undefined ? "" : `, about ${duration(wait)} more`;
  const reads = prompt > 0 && tokens === 0 ? `${read} of ${prompt} tokens of the prompt` : "";
  setText(note, position === undefined ? reads : `number ${position} in the queue${expected}`);
  showTimes(entry);
}

/**
 * @param {HTMLElement | undefined} cell
 * @param {string} text
 */
function setCell(cell, text) {
  if (cell !== undefined) setText(cell, text);
}

/** @param {Entry} entry */
function showTimes({ request, cells, bar }) {
  const total = Math.max(1, Date.now() + clockOffset - request.arrived_unix_ms);
  setCell(cells[6], duration(total));
  const { stages, prompt_tokens: prompt = 0, prompt_done: read = 0 } = request;
  const lengths = stages.map(([, start], i) => Math.max(0, (stages[i + 1]?.[1] ?? total) - start));
  const sum = Math.max(1, lengths.reduce((all, length) => all + length, 0));
  while (bar.childElementCount < stages.length) bar.append(make("span"));
  stages.forEach(([stage], i) => {
    const part = bar.children[i];
    if (!(part instanceof HTMLElement)) return;
    part.className = stage;
    part.style.flexBasis = `${100 * (lengths[i] ?? 0) / sum}%`;
    const isRead = stage !== "prefill" || i < stages.length - 1 || prompt === 0;
    part.style.setProperty("--done", isRead ? "100%" : `${100 * read / prompt}%`);
  });
  const words = stages.map(([stage], i) => `${stage} ${duration(lengths[i] ?? 0)}`);
  bar.title = words.join(", ");
  bar.setAttribute("aria-label", words.join(", ") || "arriving");
}

/** @param {number} number */
function removeRequest(number) {
  requests.get(number)?.row.remove();
  requests.delete(number);
}

function showCounts() {
  setText(find("request-count"), requests.size + more === 0 ? "" : String(requests.size + more));
  find("no-requests").hidden = requests.size > 0;
  find("more-requests").hidden = more === 0;
  setText(find("more-requests"), `and ${more} more`);
}
