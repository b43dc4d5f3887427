import type { Clock } from "../../../base/clock.ts";
import type { Deadlines } from "../../../base/deadlines.ts";
import { ModeldError } from "../../../base/errors.ts";
import type { Fleet } from "../../../dispatch/fleet.ts";
import { inferLogger, type Logger } from "../../../telemetry/log.ts";
import { asModeldError, errorReply } from "../../error_reply.ts";
import type { Inference, Inferences } from "../../inference.ts";
import type { ArrivalLimiter } from "../../middleware/arrival_limiter.ts";
import { ClientLimit } from "../../middleware/client_limit.ts";
import type { Gate } from "../../middleware/gate.ts";
import { streamReply } from "../../reply/stream_reply.ts";
import { readBody } from "../../request_body.ts";
import type { Route } from "../../route.ts";
import { type InferRequest, parseInferRequest } from "./infer_request.ts";
import { LineEncoder } from "./lines.ts";

/** What `POST /infer` needs. */
export interface InferRouteOptions {
  readonly fleet: Pick<Fleet, "exchange">;
  readonly inferences: Inferences;
  readonly gate: Gate;
  readonly arrivals: ArrivalLimiter;
  /** Inferences of one client at once; 0 is no limit. */
  readonly maxInflightPerClient: number;
  readonly maxBodyBytes: number;
  /** Levels that objects and arrays of the body may have. */
  readonly maxJsonDepth: number;
  /** Text of an answer, in characters. */
  readonly maxAnswerBytes: number;
  /** To receive a request body. */
  readonly bodyDeadlines: Deadlines;
  /** Without the client taking a byte. */
  readonly writeDeadlines: Deadlines;
  readonly clock: Clock;
}

/** `POST /infer`: a failure before the first line is a plain HTTP error, so the reply waits for the first fragment. */
export function inferRoute(options: InferRouteOptions): Route {
  const clients = new ClientLimit(options.maxInflightPerClient);
  return {
    method: "POST",
    path: "/infer",
    // No cache may keep an answer, and no proxy hold it back to send it whole.
    headers: { "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
    async handle(request, context) {
      const inference = options.inferences.begin(context.requestId, request);
      try {
        inference.onEnd(clients.enter(await options.gate.enter(request, context)));
        const infer = parseInferRequest(await receive(request, inference, options), {
          maxDepth: options.maxJsonDepth,
          headers: upstreamHeaders(inference),
        });
        return await reply(infer, inference, options);
      } catch (error) {
        const failure = asModeldError(error);
        inference.abort(failure);
        inference.fail(failure);
        inferLogger(inference.timeline.logLevel).debug("refused", { request_id: inference.id, error: failure.message });
        return errorReply(failure);
      }
    },
  };
}

function upstreamHeaders({ id, timeline: { traceparent } }: Inference): Readonly<Record<string, string>> {
  return { "x-request-id": id, ...traceparent === undefined ? {} : { traceparent } };
}

/** The body, received in full before anything queues. */
async function receive(request: Request, inference: Inference, options: InferRouteOptions): Promise<string> {
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
  } finally {
    deadline.clear();
  }
}

function bodyTooLate(ms: number): ModeldError {
  return new ModeldError("body_timeout", `the request body did not arrive within ${ms} ms (--body-timeout)`);
}

function reply(
  { generate, stream, reasoning }: InferRequest,
  inference: Inference,
  options: InferRouteOptions,
): Promise<Response> {
  const { id, timeline, signal } = inference;
  const { fleet, arrivals, maxAnswerBytes: maxAnswer, clock, writeDeadlines } = options;
  const log = inferLogger(timeline.logLevel);
  log.debug("prompt", { request_id: id, prompt: generate.prompt });
  const onLines = log.isEnabledFor("debug") ? logLines(log, id) : undefined;
  const encoder = new LineEncoder({ tokens: stream, reasoning, maxAnswer, onLines });
  return streamReply(async () => {
    timeline.enter("queue");
    await arrivals.pass(signal);
    return await timeline.run(() =>
      fleet.exchange({
        model: generate.model,
        slots: 1,
        open: ({ server, model }, signal) => {
          const { model: _named, ...request } = generate;
          return server.generate(model === undefined ? request : { ...request, model }, signal);
        },
      }, inference)
    );
  }, { encoder, inference, clock, writeDeadlines, whole: !stream });
}

function logLines(log: Logger, requestId: string): (lines: string) => void {
  return (lines) => {
    for (const line of lines.trimEnd().split("\n")) log.debug("line", { request_id: requestId, line });
  };
}
