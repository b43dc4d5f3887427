/** Token counts, as the final line has them. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

import { ApiSchemas } from "./api_schemas.ts";

const schemas = new ApiSchemas();

/** A line of a reply to `/infer`, and when it came. */
export interface ReplyLine {
  readonly text: string;
  /** `performance.now()` when its newline was read. */
  readonly arrivedAt: number;
  readonly token?: string;
  readonly progress?: { readonly stage: string; readonly prompt_tokens?: number; readonly prompt_done?: number };
  readonly done?: boolean;
  readonly content?: string;
  readonly finish_reason?: string;
  readonly usage?: Usage;
  readonly error?: string;
  readonly code?: number;
  readonly type?: string;
  readonly upstream_type?: string;
}

/** A reply to `/infer` as it comes in. Every line is held against the API description. */
export class InferReply {
  readonly status: number;
  readonly headers: Headers;
  /** The bytes so far, as text. */
  text = "";
  /** The lines so far. */
  readonly lines: ReplyLine[] = [];
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #dispose: () => void;
  #partial = "";
  #ended = false;

  constructor(response: Response, dispose: () => void) {
    this.status = response.status;
    this.headers = response.headers;
    this.#reader = response.body?.getReader();
    this.#dispose = dispose;
  }

  /**
   * Reads until `count` lines are there, or to the end.
   *
   * @throws TypeError when the connection breaks, or when the reply is not UTF-8.
   */
  async read(count = Infinity): Promise<readonly ReplyLine[]> {
    while (!this.#ended && this.lines.length < count) await this.#readMore();
    return this.lines;
  }

  /** Reads to the end and gives the last line. */
  async last(): Promise<ReplyLine> {
    const line = (await this.read()).at(-1);
    if (line === undefined) throw new Error(`no line in the reply: ${this.status} ${this.text}`);
    return line;
  }

  /** Reads to the end and gives the tokens, put together. */
  async content(): Promise<string> {
    return (await this.read()).map((line) => line.token ?? "").join("");
  }

  /** Goes away without reading further. */
  async leave(): Promise<void> {
    await this.#reader?.cancel();
    this.#end();
  }

  async #readMore(): Promise<void> {
    let result: ReadableStreamReadResult<Uint8Array> | undefined;
    try {
      result = await this.#reader?.read();
    } catch (error) {
      this.#end();
      throw error;
    }
    if (result === undefined || result.done) return this.#end();
    const text = this.#decoder.decode(result.value, { stream: true });
    this.text += text;
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    const arrivedAt = performance.now();
    for (const line of lines) this.lines.push(parsed(line, arrivedAt));
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#partial !== "") this.lines.push(parsed(this.#partial, performance.now()));
    this.#dispose();
  }
}

function parsed(text: string, arrivedAt: number): ReplyLine {
  const line = JSON.parse(text);
  schemas.assertLine(line);
  return { ...line, text, arrivedAt };
}

/** Posts to `/infer` on a connection of its own; resolves when the status is here. */
export async function infer(
  base: URL,
  request: Record<string, unknown>,
  options: { headers?: Record<string, string>; signal?: AbortSignal; path?: string; localAddress?: string } = {},
): Promise<InferReply> {
  const { localAddress } = options;
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0, ...localAddress !== undefined && { localAddress } });
  try {
    const response = await fetch(new URL(options.path ?? "/infer", base), {
      method: "POST",
      headers: { "Content-Type": "application/json", ...options.headers },
      body: JSON.stringify(request),
      signal: options.signal ?? null,
      client,
    });
    return new InferReply(response, () => client.close());
  } catch (error) {
    client.close();
    throw error;
  }
}
