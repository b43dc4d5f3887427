/** What one request of a scenario came to. Times in ms. */
export interface Outcome {
  /** Who asked, for the table: `chat`, `batch`. */
  readonly who: string;
  /** From asking to the first token; undefined where none came. */
  readonly firstTokenMs: number | undefined;
  readonly answer: string;
  readonly tokens: number;
  /** Tokens of the prompt that the server had to compute. */
  readonly computed: number;
  /** `ok`, `rejected` (429 or 503), or `failed`: anything else, an answer without its end too. */
  readonly end: "ok" | "rejected" | "failed";
}

/** Whoever asks: a name for the table, and an address of their own, by which modeld tells clients apart. */
export class Person {
  readonly #who: string;
  readonly #url: string;
  readonly #client: Deno.HttpClient;
  readonly #outcomes: Outcome[];

  /** @param number from 1 to 250 */
  constructor(who: string, number: number, url: URL, outcomes: Outcome[]) {
    this.#who = who;
    this.#url = new URL("/v1/completions", url).href;
    this.#client = Deno.createHttpClient({ http2: false, localAddress: `127.0.1.${number}` });
    this.#outcomes = outcomes;
  }

  /** Asks once, streaming; notes and returns what came of it. */
  async ask(prompt: string, maxTokens: number): Promise<Outcome> {
    const outcome = await this.#ask(prompt, maxTokens);
    this.#outcomes.push(outcome);
    return outcome;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #ask(prompt: string, maxTokens: number): Promise<Outcome> {
    const askedAt = performance.now();
    let firstTokenMs: number | undefined;
    let answer = "";
    let timings = { prompt_n: 0, predicted_n: 0 };
    let end: Outcome["end"] = "failed";
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt, max_tokens: maxTokens, stream: true }),
        client: this.#client,
      });
      if (!response.ok || response.body === null) {
        await response.body?.cancel();
        end = response.status === 429 || response.status === 503 ? "rejected" : "failed";
      } else {
        for await (const event of events(response.body)) {
          if (event === "[DONE]") {
            end = "ok";
            continue;
          }
          const { choices = [], timings: said } = JSON.parse(event);
          const text: string = choices[0]?.text ?? "";
          if (text !== "") firstTokenMs ??= performance.now() - askedAt;
          answer += text;
          timings = said ?? timings;
        }
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // a connection that was refused or cut
      end = "failed";
    }
    const { prompt_n: computed, predicted_n: tokens } = timings;
    return { who: this.#who, firstTokenMs, answer, tokens, computed, end };
  }
}

/** The data of each server-sent event. */
async function* events(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part.startsWith("data: ")) yield part.slice(6);
  }
}
