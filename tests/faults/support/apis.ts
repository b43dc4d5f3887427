import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertCutShort, assertRefused, assertStreamed, type ExpectedError } from "../../support/assert_reply.ts";
import { infer, type InferReply } from "../../support/ndjson_client.ts";
import {
  chatEnd,
  chatStart,
  chatStream,
  chatToken,
  chatUsage,
  completionEnd,
  completionStream,
  completionToken,
} from "../../support/wire_streams.ts";
import type { Outcomes } from "./accounts.ts";
import { play, type Scenario, type ScenarioOptions } from "./scenario.ts";

/** How a client asks, beyond its body. */
interface AskOptions {
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** A reply of either API, as it comes in, and what can be said of it whatever its lines or events look like. */
export interface ApiReply {
  readonly status: number;
  readonly headers: Headers;
  /** Waits until so many tokens have come. */
  tokens(count: number): Promise<void>;
  /** All of it. */
  text(): Promise<string>;
  /** How it ended: `done`, or the kind of its error. */
  ending(): Promise<string>;
  /** Goes away without reading further. */
  leave(): Promise<void>;
  /** Asserts that it is these tokens, then its API's good end, with these counts where they are given. */
  assertStreamed(tokens: readonly string[], usage?: readonly [prompt: number, completion: number]): Promise<void>;
  /** Asserts that it is these tokens, then one error, and no good end. */
  assertCutShort(tokens: readonly string[], error: ExpectedError): Promise<void>;
  /** Asserts that it is an HTTP error. `ownCode` is the status of an error of llama-server's, which `/v1` passes on. */
  assertRefused(error: ExpectedError & { readonly ownCode?: number }): Promise<void>;
}

/** An API that a scene is played over: its requests, replies, and what llama-server sends for it. */
export interface Api {
  readonly path: string;
  /** A body that asks for a stream. */
  body(prompt: string): Record<string, unknown>;
  ask(base: URL, body: Record<string, unknown>, options?: AskOptions): Promise<ApiReply>;
  /** The text by which a token shows in a reply. */
  shown(token: string): string;
  /** What comes before the first token, and each token, as llama-server sends them. */
  readonly start: string;
  token(text: string): string;
  /** The end of a stream of so many tokens. */
  end(completion: number, finishReason?: string): string;
  stream(tokens: readonly string[], finishReason?: string): string;
  /** The flag that bounds the time from the POST to the end. */
  readonly timeoutFlag: string;
}

const INFER: Api = {
  path: "/infer",
  body: (prompt) => ({ prompt }),
  ask: async (base, body, options) => new Lines(await infer(base, body, options)),
  shown: (token) => `${JSON.stringify({ token })}\n`,
  start: "",
  token: completionToken,
  end: (completion, reason) => `${completionEnd(reason, { prompt: 2, completion })}data: [DONE]\n\n`,
  stream: completionStream,
  timeoutFlag: "--llama-timeout",
};

const CHAT: Api = {
  path: "/v1/chat/completions",
  body: (content) => ({ messages: [{ role: "user", content }], stream: true }),
  ask: (base, body, options) => Events.post(new URL("/v1/chat/completions", base), body, options),
  shown: chatToken,
  start: chatStart(),
  token: chatToken,
  end: (completion, reason) => `${chatEnd(reason)}${chatUsage({ prompt: 2, completion })}data: [DONE]\n\n`,
  stream: chatStream,
  timeoutFlag: "--v1-timeout",
};

/** The APIs over which a scene is played: modeld's own, and for all that are passed on the one that most clients speak. */
export const APIS: readonly [Api, ...Api[]] = [INFER, CHAT];

/** A scenario as one API sees it. */
export interface ApiScenario extends Omit<Scenario, "ask"> {
  readonly api: Api;
  /** Asks for a stream; the prompt, and a router's first model, are filled in. */
  ask(request?: Record<string, unknown>, options?: AskOptions): Promise<ApiReply>;
}

/**
 * Plays the same scene over each API, one after the other with one modeld. `outcomes` and `posts` are those of one; the
 * options of modeld may depend on the API, and then each has a modeld of its own.
 */
export async function playEach(
  options: Omit<ScenarioOptions, "modeld"> & {
    readonly modeld?: readonly string[] | ((api: Api) => readonly string[]);
  },
  scene: (scenario: ApiScenario) => Promise<void>,
): Promise<void> {
  const { modeld = [], outcomes, posts } = options;
  if (typeof modeld === "function") {
    for (const api of APIS) await play({ ...options, modeld: modeld(api) }, (scenario) => over(api, scenario, scene));
    return;
  }
  const all = { ...options, modeld, outcomes: times(APIS.length, outcomes), posts: posts && posts * APIS.length };
  await play(all, async (scenario) => {
    for (const api of APIS) await over(api, scenario, scene);
  });
}

async function over(
  api: Api,
  { llama, modeld }: Scenario,
  scene: (scenario: ApiScenario) => Promise<void>,
): Promise<void> {
  const ask: ApiScenario["ask"] = (given, options) => {
    const { prompt = "Once", ...request } = given ?? {};
    const model = llama.router && { model: llama.models[0] };
    const reply = api.ask(modeld.url, { ...api.body(String(prompt)), ...model, ...request }, options);
    reply.catch(() => {}); // a scene that fails before it awaits this one shall fail with its own error
    return reply;
  };
  try {
    await scene({ llama, modeld, api, ask });
  } catch (cause) {
    throw new Error(`over ${api.path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function times(count: number, outcomes: Outcomes | number): Outcomes | number {
  if (typeof outcomes === "number") return count * outcomes;
  return Object.fromEntries(Object.entries(outcomes).map(([name, of]) => [name, count * of]));
}

/** A reply of `/infer`. */
class Lines implements ApiReply {
  readonly #reply: InferReply;

  constructor(reply: InferReply) {
    this.#reply = reply;
  }

  get status(): number {
    return this.#reply.status;
  }

  get headers(): Headers {
    return this.#reply.headers;
  }

  async tokens(count: number): Promise<void> {
    await this.#reply.read(count);
  }

  async text(): Promise<string> {
    await this.#reply.read();
    return this.#reply.text;
  }

  async ending(): Promise<string> {
    const { done, type, text } = await this.#reply.last();
    return done === true ? "done" : type ?? text;
  }

  leave(): Promise<void> {
    return this.#reply.leave();
  }

  async assertStreamed(tokens: readonly string[], usage?: readonly [number, number]): Promise<void> {
    const { usage: counted, finish_reason: reason = "" } = await this.#reply.last();
    const own = [counted?.prompt_tokens ?? 0, counted?.completion_tokens ?? 0] as const;
    await assertStreamed(this.#reply, tokens, reason, usage ?? own);
  }

  assertCutShort(tokens: readonly string[], error: ExpectedError): Promise<void> {
    return assertCutShort(this.#reply, tokens, error);
  }

  assertRefused({ ownCode: _, ...error }: ExpectedError & { readonly ownCode?: number }): Promise<void> {
    return assertRefused(this.#reply, error);
  }
}

/** A reply of `/v1/chat/completions`. */
class Events implements ApiReply {
  readonly status: number;
  readonly headers: Headers;
  #text = "";
  readonly #reader: ReadableStreamDefaultReader<string> | undefined;
  readonly #client: Deno.HttpClient;
  #ended = false;

  private constructor({ status, headers, body }: Response, client: Deno.HttpClient) {
    this.status = status;
    this.headers = headers;
    this.#reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    this.#client = client;
  }

  /** Posts on a connection of its own; resolves when the status is here. */
  static async post(url: URL, body: unknown, { headers, signal }: AskOptions = {}): Promise<Events> {
    const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(body),
        signal: signal ?? null,
        client,
      });
      return new Events(response, client);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  async tokens(count: number): Promise<void> {
    while (!this.#ended && this.#text.split(`"delta":{"content":"`).length <= count) await this.#readMore();
  }

  async text(): Promise<string> {
    while (!this.#ended) await this.#readMore();
    return this.#text;
  }

  async ending(): Promise<string> {
    const text = await this.text();
    return text.endsWith("data: [DONE]\n\n") ? "done" : /"code":"(\w+)"/.exec(text)?.[1] ?? text;
  }

  async leave(): Promise<void> {
    await this.#reader?.cancel();
    this.#end();
  }

  async assertStreamed(tokens: readonly string[], usage?: readonly [number, number]): Promise<void> {
    const events = await this.#events();
    assertEquals([this.status, events.at(-1)], [200, "[DONE]"], this.#text);
    const parsed = events.slice(0, -1).map((data) => JSON.parse(data));
    assertEquals(tokensIn(parsed), tokens);
    assertEquals(parsed.filter(({ error }) => error !== undefined), [], this.#text);
    if (usage === undefined) return;
    const counted = parsed.find((event) => event.usage !== undefined)?.usage ?? {};
    assertEquals([counted.prompt_tokens, counted.completion_tokens], usage);
  }

  async assertCutShort(tokens: readonly string[], error: ExpectedError): Promise<void> {
    const events = (await this.#events()).map((data) => JSON.parse(data));
    assertEquals([this.status, tokensIn(events)], [200, tokens], this.#text);
    const [last, ...more] = events.filter((event) => "error" in event);
    assertEquals([more, events.at(-1)], [[], last], this.#text);
    assertError(last, error);
  }

  async assertRefused(error: ExpectedError & { readonly ownCode?: number }): Promise<void> {
    const text = await this.text();
    assertEquals(this.status, error.ownCode ?? error.code, text);
    assertMatch(this.headers.get("x-should-retry") ?? "", /^(true|false)$/);
    assertError(JSON.parse(text), error);
  }

  async #events(): Promise<string[]> {
    const text = await this.text();
    assert(text.endsWith("\n\n"), `an event is cut: ${text}`);
    return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => data);
  }

  async #readMore(): Promise<void> {
    let result: ReadableStreamReadResult<string> | undefined;
    try {
      result = await this.#reader?.read();
    } catch (error) {
      this.#end();
      throw error;
    }
    if (result === undefined || result.done) return this.#end();
    this.#text += result.value;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#client.close();
  }
}

interface ChatEvent {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
}

function tokensIn(events: readonly ChatEvent[]): string[] {
  return events.map(({ choices }) => choices?.[0]?.delta?.content ?? "").filter((text) => text !== "");
}

/** An error in OpenAI's shape. Its code is modeld's kind; one that llama-server made has its own type instead. */
function assertError({ error }: { error: Record<string, unknown> }, expected: ExpectedError): void {
  assertStringIncludes(String(error["message"]), expected.says);
  if (expected.upstream_type !== undefined) assertEquals(error["type"], expected.upstream_type);
  else assertEquals([error["code"], error["param"]], [expected.type, null], JSON.stringify(error));
}
