import type { Engine, GenerationEnd, GenerationPart } from "./generation.ts";
import { buildInfo, chatReply, completionReply, nativeReply, type ReplyShape } from "./replies.ts";
import { type ParsedRequest, parseRequest, parseTokenize, readBody, RefusedRequest } from "./request.ts";
import { Slot } from "./slot.ts";
import { storyModel } from "./story_model.ts";

/** An engine that listens. */
export interface EngineServer {
  readonly url: URL;
  /** Whether somebody generates now, and how many wait for that. */
  readonly load: { readonly isBusy: boolean; readonly waiting: number };
  /** Stops listening and ends every generation. */
  stop(): Promise<void>;
}

/** Longest time that a generation keeps other requests from being answered, in ms. */
const longestTurn = 5;
const utf8 = new TextEncoder();

/** Generations by path. */
const shapes: Readonly<Record<string, { readonly isChat: boolean; readonly reply: () => ReplyShape }>> = Object.freeze({
  "/v1/completions": { isChat: false, reply: completionReply },
  "/v1/chat/completions": { isChat: true, reply: chatReply },
  "/completion": { isChat: false, reply: nativeReply },
});

/** Serves what modeld uses of llama-server's API on a loopback address; port 0 takes a free one. */
export function serveEngine(engine: Engine, port = 0): EngineServer {
  const slot = new Slot();
  const stopping = new AbortController();
  const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
    try {
      return await answer(request, engine, slot, stopping.signal);
    } catch (error) {
      if (error instanceof RefusedRequest) return refuse(error);
      if (request.signal.aborted || stopping.signal.aborted) return unread();
      throw error;
    }
  });
  return {
    url: new URL(`http://127.0.0.1:${server.addr.port}`),
    load: slot,
    async stop() {
      stopping.abort();
      await server.shutdown();
    },
  };
}

async function answer(request: Request, engine: Engine, slot: Slot, stopping: AbortSignal): Promise<Response> {
  const { pathname } = new URL(request.url);
  const information = request.method === "GET" ? describe(pathname, engine, slot) : undefined;
  if (information !== undefined) return Response.json(information);
  if (request.method === "POST" && Object.hasOwn(shapes, pathname)) {
    const signal = AbortSignal.any([request.signal, stopping]);
    return await generate(await readBody(request), pathname, { engine, slot, signal, clientGone: request.signal });
  }
  if (request.method === "POST" && pathname === "/tokenize") {
    return Response.json({ tokens: parseTokenize(await readBody(request), engine) });
  }
  throw new RefusedRequest("File Not Found", 404, "not_found_error");
}

function describe(path: string, engine: Engine, slot: Slot): unknown {
  switch (path) {
    case "/health":
      return { status: "ok" };
    case "/props":
      return {
        default_generation_settings: { n_ctx: engine.contextLength },
        total_slots: 1,
        model_alias: storyModel,
        model_path: `${storyModel}.gguf`,
        build_info: buildInfo,
      };
    case "/slots":
      return [{ id: 0, n_ctx: engine.contextLength, speculative: false, is_processing: slot.isBusy }];
    case "/v1/models":
      return {
        object: "list",
        data: [{ id: storyModel, object: "model", owned_by: "modeld", meta: { n_ctx_train: engine.contextLength } }],
      };
    default:
      return undefined;
  }
}

interface Means {
  readonly engine: Engine;
  readonly slot: Slot;
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  /** Aborted when the client has left. */
  readonly clientGone: AbortSignal;
}

async function generate(body: string, path: string, { engine, slot, signal, clientGone }: Means): Promise<Response> {
  const { isChat, reply } = shapes[path] ?? { isChat: false, reply: nativeReply };
  const request = parseRequest(body, isChat, engine);
  const release = await slot.take(signal);
  if (release === undefined) return unread();
  const steps = inTurns(engine.generate(request.generation), signal);
  if (request.stream) return streamReply(steps, request, reply(), { release, signal, clientGone });
  try {
    return Response.json(await wholeReply(steps, reply()));
  } finally {
    release();
  }
}

/** Steps through a generation until the signal is aborted, and lets others have their turn every few ms. */
async function* inTurns(
  steps: Generator<GenerationPart, GenerationEnd>,
  signal: AbortSignal,
): AsyncGenerator<GenerationPart, GenerationEnd> {
  let turnBegin = performance.now();
  while (true) {
    const { done, value } = steps.next();
    if (done === true) return value;
    yield value;
    if (performance.now() - turnBegin > longestTurn) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      turnBegin = performance.now();
    }
    signal.throwIfAborted();
  }
}

async function wholeReply(steps: AsyncGenerator<GenerationPart, GenerationEnd>, shape: ReplyShape): Promise<unknown> {
  let text = "";
  while (true) {
    const { done, value } = await steps.next();
    if (done === true) return shape.whole(text, value);
    text += value.text;
  }
}

/** A stream that generates as it is read. The slot is free when it has ended, or its reader has left. */
function streamReply(
  steps: AsyncGenerator<GenerationPart, GenerationEnd>,
  { generation, includeUsage }: ParsedRequest,
  shape: ReplyShape,
  { release, signal, clientGone }: { release: () => void; signal: AbortSignal; clientGone: AbortSignal },
): Response {
  signal.addEventListener("abort", release, { once: true });
  let soFar = 0;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const begin = shape.begin();
      if (begin.length > 0) controller.enqueue(events(begin));
    },
    async pull(controller) {
      try {
        while (true) {
          const { done, value } = await steps.next();
          if (done === true) {
            controller.enqueue(events(shape.end(value, includeUsage), shape.hasDone));
            controller.close();
            release();
            return;
          }
          soFar += value.tokens.length;
          if (value.text === "") continue;
          return controller.enqueue(events([shape.part(value, generation.prompt.length, soFar)]));
        }
      } catch (error) {
        release();
        // After a reader that has left there is nobody to tell; one who has not must not take this for the end.
        if (!clientGone.aborted) controller.error(error);
      }
    },
    cancel: release,
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function events(data: readonly unknown[], isLast = false): Uint8Array {
  const lines = data.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  return utf8.encode(isLast ? `${lines}data: [DONE]\n\n` : lines);
}

/** An answer that nobody reads: the client has left, or the server stops. */
function unread(): Response {
  return new Response(null, { status: 503 });
}

function refuse({ status, message, type, facts }: RefusedRequest): Response {
  return Response.json({ error: { code: status, message, type, ...facts } }, { status });
}
