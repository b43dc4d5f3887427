import { infer, type InferReply } from "../support/ndjson_client.ts";

/** How clients behave: most read to the end, some leave, some read slowly. */
const LEAVES = 0.1;
const SLOW = 0.1;

/** How replies ended, as the clients saw it. */
export type Endings = Map<string, number>;

/** Clients that ask one after the other until told to stop. */
export class Load {
  readonly endings: Endings = new Map();
  readonly #url: URL;
  readonly #clients: Promise<void>[] = [];
  #stopped = false;

  constructor(url: URL, clients: number) {
    this.#url = url;
    for (let count = 0; count < clients; count++) this.#clients.push(this.#run());
  }

  /** Lets every client finish what it does, and no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const ending = await this.#once();
      this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
      if (ending !== "done" && ending !== "left") await pause(20);
    }
  }

  async #once(): Promise<string> {
    const request = { prompt: "word ".repeat(1 + Math.random() * 20), max_tokens: 1 + Math.floor(Math.random() * 200) };
    const manner = Math.random();
    if (manner < LEAVES) return await this.#leave(request);
    const reply = await infer(this.#url, request);
    if (manner < LEAVES + SLOW) await readSlowly(reply);
    const last = await reply.last();
    return last.done === true ? "done" : last.type ?? `neither done nor an error: ${last.text}`;
  }

  async #leave(request: Record<string, unknown>): Promise<string> {
    const leave = new AbortController();
    const timer = setTimeout(() => leave.abort(), Math.random() * 100);
    try {
      const reply = await infer(this.#url, request, { signal: leave.signal });
      await reply.read();
    } catch (error) {
      if (!leave.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
    return "left";
  }
}

async function readSlowly(reply: InferReply): Promise<void> {
  for (let lines = 10; lines <= 50; lines += 10) {
    await reply.read(lines);
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
