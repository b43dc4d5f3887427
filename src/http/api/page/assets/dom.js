/** Finds what the page has by its id. */
export function find(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Makes an element: properties, then what is in it. Text is text, whatever it contains. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Sets a text where it has changed, so that screen readers and selections are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Milliseconds for people: `27 ms`, `1.04 s`, `3 min 5 s`. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round(ms % 60_000 / 1000)} s`;
}

const KEY = "modeld-key";

/** The key that was given in this tab. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/** `fetch` with the key, where there is one. */
export function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (key.get() !== null) headers.Authorization = `Bearer ${key.get()}`;
  return fetch(path, { ...options, headers });
}

/** What a failed reply says, in words: modeld's JSON error, or OpenAI's. */
export async function problemOf(reply) {
  const text = await reply.text();
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : error.message;
  } catch {
    return `${reply.status}: ${text.slice(0, 300) || reply.statusText}`; // a proxy's answer, as it came
  }
}

/** The text of a reply, line by line as it arrives. */
export async function* linesOf(reply) {
  let rest = "";
  for (const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    yield* lines;
  }
  if (rest !== "") yield rest;
}
