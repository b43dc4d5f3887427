import { clip } from "../../../base/clip.ts";
import type { Clock, Timer } from "../../../base/clock.ts";
import type { Deadlines } from "../../../base/deadlines.ts";
import { Fingerprint } from "../../../dispatch/affinity/fingerprint.ts";
import type { Fleet } from "../../../dispatch/fleet.ts";
import { estimateTokens, tokensOfBytes } from "../../../dispatch/rate_limit.ts";
import { inferLogger, type Logger } from "../../../telemetry/log.ts";
import { aliased } from "../../../upstream/model_names.ts";
import type { Inference } from "../../inference.ts";
import { type Admission, admit, failed, withServer } from "../../middleware/admit.ts";
import type { ArrivalLimiter } from "../../middleware/arrival_limiter.ts";
import { streamReply } from "../../reply/stream_reply.ts";
import { decodeText, receiveBody } from "../../request_body.ts";
import type { Route } from "../../route.ts";
import { sessionKeyOf } from "../../session_key.ts";
import { type InferRequest, parseInferRequest } from "./infer_request.ts";
import { checkValueCount } from "./json_values.ts";
import { LineEncoder } from "./lines.ts";
import type { ProgressWatch } from "./progress.ts";

/** What `POST /infer` needs. */
export interface InferRouteOptions extends Admission {
  readonly fleet: Pick<Fleet, "exchange">;
  readonly arrivals: ArrivalLimiter;
  readonly progress: ProgressWatch;
  /** Names that clients have built in, and the models that they mean. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly maxBodyBytes: number;
  /** Levels that objects and arrays of the body may have. */
  readonly maxJsonDepth: number;
  /** Bytes of text that an answer may have. */
  readonly maxAnswerBytes: number;
  /** To receive a request body. */
  readonly bodyDeadlines: Deadlines;
  /** Without the client taking a byte. */
  readonly writeDeadlines: Deadlines;
  readonly clock: Clock;
}

/** `POST /infer`: a failure before the first line is a plain HTTP error, so the reply waits for the first fragment. */
export function inferRoute(options: InferRouteOptions): Route {
  const limits = { maxBytes: options.maxBodyBytes, setting: "--max-body-bytes", deadlines: options.bodyDeadlines };
  return {
    method: "POST",
    path: "/infer",
    // No cache may keep an answer, and no proxy hold it back to send it whole.
    headers: { "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
    async handle(request, context) {
      const inference = await admit(request, context, options);
      try {
        const body = await receiveBody(request, context, inference, limits);
        await checkValueCount(body);
        const infer = parseInferRequest(decodeText(body), {
          maxDepth: options.maxJsonDepth,
          headers: upstreamHeaders(inference),
        });
        inference.lowerPriority(infer.priority);
        options.rateLimits.charge(inference, context, () => estimateOf(infer));
        const response = await reply(infer, inference, sessionKeyOf(request.headers), options);
        if (infer.ignored.length > 0) response.headers.set("X-Modeld-Ignored", infer.ignored.join(", "));
        return withServer(response, inference);
      } catch (error) {
        const failure = failed(inference, error);
        inferLogger(inference.timeline.logLevel).debug("refused", { request_id: inference.id, error: failure.message });
        throw failure;
      }
    },
  };
}

function estimateOf({ generate: { prompt, maxTokens } }: InferRequest): number {
  return estimateTokens(tokensOfBytes(utf8.encode(prompt).length), maxTokens);
}

function upstreamHeaders({ id, timeline: { traceparent } }: Inference): Readonly<Record<string, string>> {
  return { "x-request-id": id, ...traceparent === undefined ? {} : { traceparent } };
}

function reply(
  { generate, stream, reasoning, progress }: InferRequest,
  inference: Inference,
  session: string | undefined,
  options: InferRouteOptions,
): Promise<Response> {
  const { id, timeline, signal, share } = inference;
  const { fleet, arrivals, aliases, maxAnswerBytes, clock, writeDeadlines } = options;
  const log = inferLogger(timeline.logLevel);
  log.debug("prompt", { request_id: id, prompt: clip(generate.prompt, LOGGED_TEXT) });
  const onLines = log.isEnabledFor("debug") ? logLines(log, id) : undefined;
  const encoder = new LineEncoder({ tokens: stream, reasoning, progress, maxAnswerBytes, share, onLines });
  const meanwhile = (write: () => void): Timer =>
    options.progress.watch(timeline, (progress) => {
      encoder.addProgress(progress);
      write();
    });
  return streamReply(async () => {
    timeline.enter("queue");
    await arrivals.pass(signal);
    return await timeline.run(() =>
      fleet.exchange({
        model: aliased(generate.model, aliases),
        slots: 1,
        prompt: () => promptOf(generate.prompt, session),
        open: ({ server, model }, signal) => {
          const { model: _named, ...request } = generate;
          return server.generate(model === undefined ? request : { ...request, model }, signal);
        },
      }, inference)
    );
  }, { encoder, inference, clock, writeDeadlines, whole: !stream, meanwhile: progress ? meanwhile : undefined });
}

const utf8 = new TextEncoder();

function promptOf(prompt: string, session: string | undefined): Fingerprint {
  const bytes = utf8.encode(prompt);
  return new Fingerprint([{ bytes, start: 0, end: bytes.length }], session);
}

/** Characters of a prompt or a line that are logged. */
const LOGGED_TEXT = 8_192;

function logLines(log: Logger, requestId: string): (lines: Uint8Array) => void {
  return (lines) => {
    for (const line of new TextDecoder().decode(lines).trimEnd().split("\n")) {
      log.debug("line", { request_id: requestId, line: clip(line, LOGGED_TEXT) });
    }
  };
}
