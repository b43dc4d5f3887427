import { ask, duration, find, findAs, linesOf, make, messageOf, problemOf, setText } from "./dom.js";

/** @typedef {{role: "user" | "assistant", content: string}} Turn */
/** @typedef {{path: string, body: Record<string, unknown>}} Asked */
/** @typedef {{prompt_tokens: number, completion_tokens: number}} Usage */
/** @typedef {{predicted_per_second?: number, cache_n?: number}} Timings */
/**
 * What has come of an answer; times are those of `performance`.
 *
 * @typedef {object} Answer
 * @property {string} text
 * @property {string} reasoning
 * @property {number} pieces
 * @property {number} startedAt
 * @property {number} [firstAt]
 * @property {Usage} [usage]
 * @property {Timings} [timings]
 */
/**
 * A line of `/infer`, or an event of a chat.
 *
 * @typedef {object} Piece
 * @property {string | {message: string}} [error]
 * @property {string} [token]
 * @property {string} [reasoning]
 * @property {{delta?: {content?: string | null, reasoning_content?: string | null}}[]} [choices]
 * @property {Usage} [usage]
 * @property {Timings} [timings]
 */

/**
 * The conversation so far.
 *
 * @type {Turn[]}
 */
let turns = [];
/**
 * Aborts the request that runs.
 *
 * @type {AbortController | undefined}
 */
let running;

function playForm() {
  return findAs("play", HTMLFormElement);
}

function promptField() {
  return findAs("prompt", HTMLTextAreaElement);
}

/**
 * What stands in a field of the form.
 *
 * @param {string} name
 */
function field(name) {
  return String(new FormData(playForm()).get(name) ?? "");
}

/** Makes the form work. */
export function startPlayground() {
  const form = playForm();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("change", showApi);
  promptField().addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  find("stop").addEventListener("click", () => running?.abort());
  find("clear").addEventListener("click", () => {
    turns = [];
    showTurns();
    showAnswer("", "", "");
  });
  for (const language of /** @type {const} */ (["curl", "typescript", "python"])) {
    form.querySelector(`[data-copy="${language}"]`)?.addEventListener("click", () => copy(language));
  }
  showApi();
}

/**
 * Offers these models.
 *
 * @param {readonly string[]} models
 */
export function showModels(models) {
  const select = findAs("play-model", HTMLSelectElement);
  const offered = ["", ...models];
  if ([...select.options].map((option) => option.value).join("\n") === offered.join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(...offered.map((id) => make("option", { value: id }, id === "" ? "default" : id)));
  if (offered.includes(chosen)) select.value = chosen;
}

/**
 * What the form asks for, as a path and a body.
 *
 * @returns {Asked}
 */
function requestOf() {
  /** @type {Record<string, string | number>} */
  const settings = {};
  if (field("model") !== "") settings["model"] = field("model");
  for (const name of ["temperature", "top_p", "max_tokens", "seed"]) {
    if (field(name) !== "") settings[name] = Number(field(name));
  }
  const prompt = promptField().value;
  if (field("api") === "text") return { path: "infer", body: { ...settings, prompt, stream: true } };
  const system = field("system").trim();
  const messages = [
    ...system === "" ? [] : [{ role: "system", content: system }],
    ...turns,
    { role: "user", content: prompt },
  ];
  return {
    path: "v1/chat/completions",
    body: { ...settings, messages, stream: true, stream_options: { include_usage: true } },
  };
}

async function send() {
  if (running !== undefined) return;
  const stop = running = new AbortController();
  setRunning(true);
  const { path, body } = requestOf();
  const isChat = path !== "infer";
  const prompt = promptField().value;
  /** @type {Answer} */
  const answer = { text: "", reasoning: "", pieces: 0, startedAt: performance.now() };
  showAnswer("", "", "waiting for the first token");
  let problem = "";
  try {
    const reply = await ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      // llama-server then says how far it is with a long prompt, which the list of requests shows.
      body: JSON.stringify(isChat ? { ...body, return_progress: true } : body),
      signal: stop.signal,
    });
    if (!reply.ok) problem = await problemOf(reply);
    else {
      for await (const line of linesOf(reply)) {
        const event = eventIn(line, isChat);
        if (event === undefined) continue;
        if (event.error !== undefined) problem = typeof event.error === "string" ? event.error : event.error.message;
        else add(answer, event, isChat);
        showAnswer(answer.text || answer.reasoning, problem, figures(answer));
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) problem = `the answer broke off: ${messageOf(error)}`;
  }
  const stopped = stop.signal.aborted;
  running = undefined;
  setRunning(false);
  const said = figures(answer);
  showAnswer(answer.text || answer.reasoning, problem, stopped ? `stopped${said === "" ? "" : " · "}${said}` : said);
  if (isChat && answer.text !== "" && problem === "") {
    turns = [...turns, { role: "user", content: prompt }, { role: "assistant", content: answer.text }];
    showTurns();
    setText(find("answer"), "");
    promptField().value = "";
  }
}

/**
 * @param {string} line
 * @param {boolean} isChat
 * @returns {Piece | undefined}
 */
function eventIn(line, isChat) {
  if (!isChat) return line === "" ? undefined : JSON.parse(line);
  if (!line.startsWith("data:") || line.includes("[DONE]")) return undefined;
  return JSON.parse(line.slice(5));
}

/**
 * @param {Answer} answer
 * @param {Piece} event
 * @param {boolean} isChat
 */
function add(answer, event, isChat) {
  const delta = isChat ? event.choices?.[0]?.delta ?? {} : { content: event.token, reasoning_content: event.reasoning };
  const piece = (delta.content ?? "") + (delta.reasoning_content ?? "");
  if (piece !== "") {
    answer.firstAt ??= performance.now();
    answer.pieces++;
    answer.text += delta.content ?? "";
    answer.reasoning += delta.reasoning_content ?? "";
  }
  if (event.usage) answer.usage = event.usage;
  if (event.timings) answer.timings = event.timings;
}

/** @param {Answer} answer */
function figures({ startedAt, firstAt, pieces, usage, timings }) {
  if (firstAt === undefined) return "";
  const seconds = (performance.now() - firstAt) / 1000;
  const rate = timings?.predicted_per_second ?? (seconds > 0 ? (pieces - 1) / seconds : 0);
  const cached = timings?.cache_n;
  return [
    `first token after ${duration(firstAt - startedAt)}`,
    `${Math.round(rate)} tokens/s`,
    `${usage?.completion_tokens ?? pieces} tokens`,
    ...usage === undefined ? [] : [`${usage.prompt_tokens} of the prompt`],
    ...cached === undefined ? [] : [`${cached} of them from the cache`],
  ].join(" · ");
}

/**
 * @param {string} text
 * @param {string} problem
 * @param {string} said
 */
function showAnswer(text, problem, said) {
  setText(find("answer"), text);
  setText(find("play-problem"), problem);
  setText(find("play-figures"), said);
}

function showTurns() {
  find("turns").replaceChildren(
    ...turns.map(({ role, content }) =>
      make(
        "div",
        { className: `turn ${role}` },
        make("small", {}, role === "user" ? "you" : "model"),
        make("pre", {}, content),
      )
    ),
  );
}

function showApi() {
  const isChat = field("api") === "chat";
  for (const element of document.querySelectorAll(".chat-only")) element.toggleAttribute("hidden", !isChat);
}

/** @param {boolean} isRunning */
function setRunning(isRunning) {
  const stop = findAs("stop", HTMLButtonElement);
  findAs("send", HTMLButtonElement).disabled = isRunning;
  stop.disabled = !isRunning;
  if (isRunning) stop.focus();
  else promptField().focus();
}

// The same request, as a program

/** @param {keyof typeof PROGRAMS} language */
async function copy(language) {
  const { path, body } = requestOf();
  const url = new URL(path, location.href.replace(/[#?].*$/, "")).href;
  const text = PROGRAMS[language](url, body, path === "infer");
  try {
    await navigator.clipboard.writeText(text);
    setText(find("copied"), `copied as ${language}; put your key in the place of $MODELD_API_KEY`);
  } catch {
    // Without HTTPS a page may not write to the clipboard: then it is shown, to be copied by hand.
    showAnswer(text, "", "copy it from here");
  }
}

const PROGRAMS = {
  /**
   * @param {string} url
   * @param {Asked["body"]} body
   * @param {boolean} _isText
   */
  curl: (url, body, _isText) =>
    `curl -N ${url} \\\n  -H "Authorization: Bearer $MODELD_API_KEY" \\\n  -H 'Content-Type: application/json' \\\n` +
    `  -d '${JSON.stringify(body).replaceAll("'", `'\\''`)}'\n`,
  /**
   * @param {string} url
   * @param {Asked["body"]} body
   * @param {boolean} isText
   */
  typescript: (url, body, isText) =>
    isText
      ? `const reply = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: \`Bearer \${process.env.MODELD_API_KEY}\` },
  body: JSON.stringify(${indent(body)}),
});
let rest = "";
const decoder = new TextDecoder();
for await (const bytes of reply.body) {
  const lines = (rest + decoder.decode(bytes, { stream: true })).split("\\n");
  rest = lines.pop();
  for (const line of lines) process.stdout.write(JSON.parse(line).token ?? "");
}
`
      : `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(base(url))}, apiKey: process.env.MODELD_API_KEY ?? "none" });
const stream = await client.chat.completions.create(${indent({ model: "default", ...body })});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
`,
  /**
   * @param {string} url
   * @param {Asked["body"]} body
   * @param {boolean} isText
   */
  python: (url, body, isText) =>
    isText
      ? `import json, os, urllib.request

body = json.loads(${JSON.stringify(JSON.stringify(body))})
headers = {"Content-Type": "application/json", "Authorization": f"Bearer {os.environ.get('MODELD_API_KEY', '')}"}
request = urllib.request.Request(${JSON.stringify(url)}, json.dumps(body).encode(), headers)
with urllib.request.urlopen(request) as reply:
    for line in reply:
        print(json.loads(line).get("token", ""), end="", flush=True)
`
      : `import json, os
from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(base(url))}, api_key=os.environ.get("MODELD_API_KEY", "none"))
body = json.loads(${JSON.stringify(JSON.stringify({ model: "default", ...body }))})
for chunk in client.chat.completions.create(**body):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
`,
};

/** @param {string} url */
function base(url) {
  return url.replace(/\/chat\/completions$/, "");
}

/** @param {unknown} value */
function indent(value) {
  return JSON.stringify(value, null, 2);
}
