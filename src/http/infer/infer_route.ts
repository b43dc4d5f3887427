import type { Clock } from "../../clock.ts";
import { clip } from "../../clip.ts";
import { ModeldError } from "../../errors.ts";
import type { Chunk, Completion, Generation } from "../../llama/adapter.ts";
import type { Manager } from "../../manager/manager.ts";
import { inferLogger, type Logger } from "../../telemetry/log.ts";
import { ClientLimit } from "../access/client_limit.ts";
import type { Deadlines } from "../../deadlines.ts";
import { asModeldError, errorReply } from "../error_reply.ts";
import type { ByteBudget, ByteShare } from "../byte_budget.ts";
import type { Timeline } from "../../telemetry/timeline.ts";
import { AnswerText } from "./answer_text.ts";
import type { Gate } from "../access/gate.ts";
import { parseInferRequest } from "./infer_request.ts";
import type { Inference } from "./inference.ts";
import type { Inferences } from "./inferences.ts";
import { checkValueCount } from "./json_values.ts";
import { finalLine, inPieces, shownOf } from "./ndjson.ts";
import { nextChunk } from "./next_chunk.ts";
import { decodeBody, readBody } from "./read_body.ts";
import type { Route } from "../route.ts";
import { tokenStream } from "./token_stream.ts";
import { Turnstile } from "./turnstile.ts";
import { wholeAnswer } from "./whole_answer.ts";

/** What `POST /infer` needs. */
export interface InferRouteOptions {
  readonly manager: Manager;
  readonly inferences: Inferences;
  readonly gate: Gate;
  /** Inferences of one client at once; 0 is no limit. */
  readonly maxInflightPerClient: number;
  readonly maxBodyBytes: number;
  /** Of the text of an answer. */
  readonly maxAnswerBytes: number;
  /** Where bodies and unread answers count. */
  readonly budget: ByteBudget;
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
      await arrivals.pass();
      const { requestId } = context;
      const inference = options.inferences.begin(requestId, request);
      const { timeline, signal } = inference;
      try {
        inference.onEnd(clients.enter(await options.gate.enter(request, context)));
        const share = options.budget.open();
        inference.onEnd(() => share.release());
        const { generate, stream } = parseInferRequest(await receive(request, inference, share, options), {
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
          const content = new AnswerText(options.maxAnswerBytes, share);
          const completion = await gather(first, generation, content, timeline);
          const pieces = inPieces(finalLine(content, completion));
          onLines?.(shownOf(pieces));
          if (signal.aborted) throw signal.reason;
          inference.startStreaming();
          const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
          return new Response(wholeAnswer(pieces, completion, inference, options), {
            headers: { ...replyHeaders, "Content-Length": String(length) },
          });
        }
        if (signal.aborted) {
          generation.cancel(); // nobody will read it to its end
          throw signal.reason;
        }
        inference.startStreaming();
        return new Response(tokenStream(first, generation, inference, { ...options, share, onLines }), {
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

/** The body, received in full before anything queues. */
async function receive(
  request: Request,
  inference: Inference,
  share: ByteShare,
  options: InferRouteOptions,
): Promise<string> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new ModeldError("unsupported_media_type", "Content-Type must be application/json");
  }
  const { bodyDeadlines, maxBodyBytes } = options;
  const deadline = bodyDeadlines.set(() => inference.abort(bodyTooLate(bodyDeadlines.ms)));
  try {
    const body = await readBody(request, { maxBytes: maxBodyBytes, share, signal: inference.signal });
    inference.timeline.bodyRead();
    await checkValueCount(body);
    return decodeBody(body);
  } finally {
    deadline.clear();
  }
}

/**
 * Reads the generation to its end.
 *
 * @throws ModeldError `answer_too_large`, `overloaded`, or why the generation failed
 */
async function gather(
  first: Chunk,
  generation: Generation,
  content: AnswerText,
  timeline: Timeline,
): Promise<Completion> {
  try {
    let chunk = first;
    content.add(chunk.fragments);
    while (chunk.completion === undefined) {
      chunk = await nextChunk(generation, timeline);
      content.add(chunk.fragments);
    }
    return chunk.completion;
  } catch (error) {
    generation.cancel(); // it may be modeld's own limit that ended it
    throw error;
  }
}

/** Characters of a line that belong in a log. */
const LOGGED_LINE = 8_192;

function logLines(log: Logger, requestId: string): (lines: string) => void {
  return (lines) => {
    for (const line of lines.trimEnd().split("\n")) {
      log.debug("line", { request_id: requestId, line: clip(line, LOGGED_LINE) });
    }
  };
}

function bodyTooLate(ms: number): ModeldError {
  return new ModeldError("body_timeout", `the request body did not arrive within ${ms} ms (--body-timeout)`);
}
