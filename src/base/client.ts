/** Somebody with keys of their own, and what they may do. Limits of 0 are no limits. */
export interface Client {
  /** Stands in logs, metrics and `/status`. */
  readonly name: string;
  /** SHA-256 of each key, as `digestKey` writes it. */
  readonly digests: readonly string[];
  /** Share of the slots while others want them too. */
  readonly weight: number;
  /** The class of its requests, and the highest that they may ask for. */
  readonly priority: Priority;
  /** Requests that may run at once; the others wait. */
  readonly maxInflight: number;
  /** Requests that may wait at once. */
  readonly maxQueue: number;
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** Patterns of the names of models that it may use. */
  readonly models: readonly string[];
  /** Whether it may see other clients' requests. */
  readonly admin: boolean;
  /** Ms from arrival to slot, 0 for no limit; undefined: the setting `max_wait`. */
  readonly maxWait: number | undefined;
}

/** A client of whom only its keys are known. */
export function plainClient(name: string, digests: readonly string[]): Client {
  return Object.freeze({
    name,
    digests,
    weight: 1,
    priority: "default",
    maxInflight: 0,
    maxQueue: 0,
    requestsPerMinute: 0,
    tokensPerMinute: 0,
    models: ["*"],
    admin: false,
    maxWait: undefined,
  });
}

/** What metrics and `/status` call it: its name in the configuration; a client of whom only the address is known is `other`. */
export function publicName({ name, digests }: Client): string {
  return digests.length > 0 ? name : "other";
}

const utf8 = new TextEncoder();

/** The SHA-256 of a key, in hexadecimal digits: what is kept of it and what it is looked up by. */
export async function digestKey(key: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8.encode(key)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether a client may use a model. In its patterns `*` is any text and `?` any character; the case counts. */
export function mayUseModel({ models }: Client, model: string): boolean {
  return models.some((pattern) => matches(pattern, model));
}

/** In time that grows with the product of both lengths at most, whatever the pattern. */
function matches(pattern: string, text: string): boolean {
  let [inPattern, inText] = [0, 0];
  // Where the last `*` stood, and how far it reaches so far.
  let [star, reach] = [-1, 0];
  while (inText < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === "*") {
      [star, reach] = [inPattern++, inText];
    } else if (wanted === "?" || wanted === text[inText]) {
      inPattern++;
      inText++;
    } else if (star >= 0) {
      inPattern = star + 1;
      inText = ++reach;
    } else return false;
  }
  return pattern.slice(inPattern).replaceAll("*", "") === "";
}

/** The classes of requests, the one that goes first in front. */
export const priorities = ["interactive", "default", "batch"] as const;

/** The class of a request. */
export type Priority = typeof priorities[number];

/** The class that a request gets that asks for one: never a higher one than its client has. */
export function atMost(own: Priority, asked: Priority | undefined): Priority {
  return asked !== undefined && priorities.indexOf(asked) > priorities.indexOf(own) ? asked : own;
}

/** The class of that name, or by OpenAI's `service_tier`; undefined for any other word. */
export function priorityOf(word: string | null | undefined): Priority | undefined {
  if (word === "flex") return "batch";
  if (word === "priority") return "interactive";
  return priorities.find((priority) => priority === word);
}
