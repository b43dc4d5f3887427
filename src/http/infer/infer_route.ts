import type { Clock } from "../../clock.ts";
import { ModeldError } from "../../errors.ts";
import type { Chunk, Generation } from "../../llama/adapter.ts";
import type { Manager } from "../../manager/manager.ts";
import { inferLogger, type Logger } from "../../telemetry/log.ts";
import { type LogLevel, requestedLogLevel } from "../../telemetry/log_level.ts";
import { ClientLimit } from "../access/client_limit.ts";
import type { Deadlines } from "../../deadlines.ts";
import { asModeldError, errorReply } from "../error_reply.ts";
import type { Gate } from "../access/gate.ts";
import { parseInferRequest } from "./infer_request.ts";
import type { Inference } from "./inference.ts";
import type { Inferences } from "./inferences.ts";
import { finalLine } from "./ndjson.ts";
import { nextChunk } from "./next_chunk.ts";
import { readBody } from "./read_body.ts";
import { queryOf } from "../request_target.ts";
import type { RequestContext, Route } from "../route.ts";
import { tokenStream } from "./token_stream.ts";
import { Turnstile } from "./turnstile.ts";

/** What `POST /infer` needs. */
export interface InferRouteOptions {
  readonly manager: Manager;
  readonly inferences: Inferences;
  readonly gate: Gate;
  /** Inferences of one client at once; 0 is no limit. */
  readonly maxInflightPerClient: number;
  readonly maxBodyBytes: number;
  /** Levels that objects and arrays of the body may have. */
  readonly maxJsonDepth: number;
  /** To receive a request body. */
  readonly bodyDeadlines: Deadlines;
  /** Without the client taking a byte. */
  readonly writeDeadlines: Deadlines;
  readonly clock: Clock;
}

/** Requests that begin in one turn of the event loop. Of 400 at once half have their first token in half the time. */
const ARRIVALS_PER_TURN = 2;

/** `POST /infer`: a failure before the first line is a plain HTTP error, so the reply waits for the first chunk. */
export function inferRoute(options: InferRouteOptions): Route {
  const clients = new ClientLimit(options.maxInflightPerClient);
  const arrivals = new Turnstile(ARRIVALS_PER_TURN);
  return {
    method: "POST",
    path: "/infer",
    // No cache may keep an answer, and no proxy hold it back to send it whole.
    headers: { "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
    async handle(request, context) {
      const { requestId } = context;
      const client = await options.gate.enter(request, context).catch(asModeldError);
      if (client instanceof ModeldError) return refuse(client, request, requestId, options.inferences);
      await arrivals.pass();
      const inference = options.inferences.begin(requestId, request, askedLogLevel(request));
      const { timeline, signal } = inference;
      try {
        inference.onEnd(clients.enter(client));
        const { generate, stream } = parseInferRequest(await receive(request, context, inference, options), {
          maxDepth: options.maxJsonDepth,
          headers: {
            "x-request-id": requestId,
            ...timeline.traceparent === undefined ? {} : { traceparent: timeline.traceparent },
          },
        });
        const log = inferLogger(timeline.logLevel);
        log.debug("prompt", { request_id: requestId, prompt: generate.prompt });
        const generation = await timeline.run(() => options.manager.infer(generate, timeline, signal));
        const first = await nextChunk(generation, timeline);
        const onLines = log.isEnabledFor("debug") ? logLines(log, requestId) : undefined;
        if (!stream) {
          const line = await wholeReply(first, generation, inference);
          onLines?.(line);
          return new Response(line, { headers: replyHeaders });
        }
        if (signal.aborted) {
          generation.cancel(); // nobody will read it to its end
          throw signal.reason;
        }
        inference.startStreaming();
        return new Response(tokenStream(first, generation, inference, { ...options, onLines }), {
          headers: replyHeaders,
        });
      } catch (error) {
        const failure = asModeldError(error);
        inference.abort(failure);
        inference.fail(failure);
        inferLogger(timeline.logLevel).debug("refused", { request_id: requestId, error: failure.message });
        return errorReply(failure);
      }
    },
  };
}

const replyHeaders = { "Content-Type": "application/x-ndjson" };

/**
 * The answer to a client that did not get in. What it asks to be logged does not count: it may not be who it says. The
 * handler logs who had no key, so often and no more, and with that the inference's own lines would only flood the log.
 */
function refuse(failure: ModeldError, request: Request, requestId: string, inferences: Inferences): Response {
  const logLevel = failure.kind === "unauthorized" ? "off" : undefined;
  inferences.begin(requestId, request, logLevel).fail(failure);
  return errorReply(failure);
}

const NO_QUERY = new URLSearchParams();

/** The level that the client asks for. */
function askedLogLevel({ headers, url }: Request): LogLevel | undefined {
  const query = queryOf(url);
  return requestedLogLevel(query === "" ? NO_QUERY : new URLSearchParams(query), headers);
}

/** The body, received in full before anything queues. */
async function receive(
  request: Request,
  context: RequestContext,
  inference: Inference,
  options: InferRouteOptions,
): Promise<string> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new ModeldError("unsupported_media_type", "Content-Type must be application/json");
  }
  const { bodyDeadlines, maxBodyBytes } = options;
  const deadline = bodyDeadlines.set(() => inference.abort(bodyTooLate(bodyDeadlines.ms)));
  try {
    const body = await readBody(request, maxBodyBytes, inference.signal);
    inference.timeline.bodyRead();
    return body;
  } catch (error) {
    throw context.connectionClosing ? lostBody(error) : error;
  } finally {
    deadline.clear();
  }
}

/** The final line alone, once the generation is complete. */
async function wholeReply(first: Chunk, generation: Generation, inference: Inference): Promise<string> {
  let chunk = first;
  let content = chunk.fragments.join("");
  while (chunk.completion === undefined) {
    chunk = await nextChunk(generation, inference.timeline);
    content += chunk.fragments.join("");
  }
  inference.complete(chunk.completion);
  return finalLine(content, chunk.completion);
}

function logLines(log: Logger, requestId: string): (lines: string) => void {
  return (lines) => {
    for (const line of lines.trimEnd().split("\n")) log.debug("line", { request_id: requestId, line });
  };
}

/** modeld has closed the connection for reasons of its own while the body was on its way (see `Listener`). */
function lostBody(cause: unknown): ModeldError {
  return new ModeldError("overloaded", "modeld had to close the connection before the body was there; ask again", {
    cause,
    retryAfterSeconds: 1,
  });
}

function bodyTooLate(ms: number): ModeldError {
  return new ModeldError("body_timeout", `the request body did not arrive within ${ms} ms (--body-timeout)`);
}
