/**
 * Finds what the page has by its id.
 *
 * @param {string} id
 */
export function find(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * The same, of a kind that the caller knows.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function findAs(id, kind) {
  const element = find(id);
  if (!(element instanceof kind)) throw new Error(`#${id} is no ${kind.name}`);
  return element;
}

/**
 * Makes an element: properties, then what is in it. Text is text, whatever it contains.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, unknown>>} properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  element.append(...children);
  return element;
}

/**
 * Sets a text where it has changed, so that screen readers and selections are left alone.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Milliseconds for people: `27 ms`, `1.04 s`, `3 min 5 s`.
 *
 * @param {number} ms
 */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round(ms % 60_000 / 1000)} s`;
}

const KEY = "modeld-key";

/** The key that was given in this tab. */
export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (/** @type {string} */ text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

/**
 * `fetch` with the key, where there is one.
 *
 * @param {string} path
 * @param {RequestInit} options
 */
export function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key.get() !== null) headers.set("Authorization", `Bearer ${key.get()}`);
  return fetch(path, { ...options, headers });
}

/**
 * What a failed reply says, in words: modeld's JSON error, or OpenAI's.
 *
 * @param {Response} reply
 * @returns {Promise<string>}
 */
export async function problemOf(reply) {
  const text = await reply.text();
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : error.message;
  } catch {
    return `${reply.status}: ${text.slice(0, 300) || reply.statusText}`; // a proxy's answer, as it came
  }
}

/**
 * The text of a reply, line by line as it arrives.
 *
 * @param {Response} reply
 */
export async function* linesOf(reply) {
  let rest = "";
  if (reply.body === null) return;
  for (const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/**
 * What somebody threw, in words.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
