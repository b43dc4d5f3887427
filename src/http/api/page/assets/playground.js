import { ask, duration, find, linesOf, make, problemOf, setText } from "./dom.js";

/** The conversation so far. */
let turns = [];
/** Aborts the request that runs. */
let running;

/** Makes the form work. */
export function startPlayground() {
  const form = find("play");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("change", showApi);
  form.prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  find("stop").addEventListener("click", () => running?.abort());
  find("clear").addEventListener("click", () => {
    turns = [];
    showTurns();
    showAnswer("", "", "");
  });
  for (const button of form.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(button.dataset.copy));
  }
  showApi();
}

/** Offers these models. */
export function showModels(models) {
  const select = find("play-model");
  const offered = ["", ...models];
  if ([...select.options].map((option) => option.value).join("\n") === offered.join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(...offered.map((id) => make("option", { value: id }, id === "" ? "default" : id)));
  if (offered.includes(chosen)) select.value = chosen;
}

/** What the form asks for, as a path and a body. */
function requestOf(form) {
  const settings = {};
  if (form.model.value !== "") settings.model = form.model.value;
  for (const name of ["temperature", "top_p", "max_tokens", "seed"]) {
    if (form[name].value !== "") settings[name] = Number(form[name].value);
  }
  const prompt = form.prompt.value;
  if (form.api.value === "text") return { path: "infer", body: { ...settings, prompt, stream: true } };
  const system = form.system.value.trim();
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
  const form = find("play");
  if (running !== undefined) return;
  running = new AbortController();
  setRunning(true);
  const { path, body } = requestOf(form);
  const isChat = path !== "infer";
  const prompt = form.prompt.value;
  const answer = {
    text: "",
    reasoning: "",
    pieces: 0,
    startedAt: performance.now(),
    firstAt: undefined,
    usage: undefined,
    timings: undefined,
  };
  showAnswer("", "", "waiting for the first token");
  let problem = "";
  try {
    const reply = await ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      // llama-server then says how far it is with a long prompt, which the list of requests shows.
      body: JSON.stringify(isChat ? { ...body, return_progress: true } : body),
      signal: running.signal,
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
    if (error.name !== "AbortError") problem = `the answer broke off: ${error.message}`;
  }
  const stopped = running.signal.aborted;
  running = undefined;
  setRunning(false);
  const said = figures(answer);
  showAnswer(answer.text || answer.reasoning, problem, stopped ? `stopped${said === "" ? "" : " · "}${said}` : said);
  if (isChat && answer.text !== "" && problem === "") {
    turns = [...turns, { role: "user", content: prompt }, { role: "assistant", content: answer.text }];
    showTurns();
    setText(find("answer"), "");
    form.prompt.value = "";
  }
}

function eventIn(line, isChat) {
  if (!isChat) return line === "" ? undefined : JSON.parse(line);
  if (!line.startsWith("data:") || line.includes("[DONE]")) return undefined;
  return JSON.parse(line.slice(5));
}

function add(answer, event, isChat) {
  const delta = isChat ? event.choices?.[0]?.delta ?? {} : { content: event.token, reasoning_content: event.reasoning };
  const piece = (delta.content ?? "") + (delta.reasoning_content ?? "");
  if (piece !== "") {
    answer.firstAt ??= performance.now();
    answer.pieces++;
    answer.text += delta.content ?? "";
    answer.reasoning += delta.reasoning_content ?? "";
  }
  answer.usage = event.usage ?? answer.usage;
  answer.timings = event.timings ?? answer.timings;
}

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
  const isChat = find("play").api.value === "chat";
  for (const element of document.querySelectorAll(".chat-only")) element.hidden = !isChat;
}

function setRunning(isRunning) {
  find("send").disabled = isRunning;
  find("stop").disabled = !isRunning;
  if (isRunning) find("stop").focus();
  else find("play").prompt.focus();
}

// The same request, as a program

async function copy(language) {
  const { path, body } = requestOf(find("play"));
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
  curl: (url, body) =>
    `curl -N ${url} \\\n  -H "Authorization: Bearer $MODELD_API_KEY" \\\n  -H 'Content-Type: application/json' \\\n` +
    `  -d '${JSON.stringify(body).replaceAll("'", `'\\''`)}'\n`,
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

function base(url) {
  return url.replace(/\/chat\/completions$/, "");
}

function indent(value) {
  return JSON.stringify(value, null, 2);
}
