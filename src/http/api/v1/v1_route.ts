import type { Clock } from "../../../base/clock.ts";
import type { Deadlines } from "../../../base/deadlines.ts";
import { ModeldError } from "../../../base/errors.ts";
import { Fingerprint } from "../../../dispatch/affinity/fingerprint.ts";
import type { Fleet, FleetRequest } from "../../../dispatch/fleet.ts";
import { estimateTokens, tokensOfBytes } from "../../../dispatch/rate_limit.ts";
import { aliased } from "../../../upstream/model_names.ts";
import type { Inference } from "../../inference.ts";
import { type Admission, admit, failed, withServer } from "../../middleware/admit.ts";
import type { ArrivalLimiter } from "../../middleware/arrival_limiter.ts";
import { streamReply } from "../../reply/stream_reply.ts";
import { receiveBody } from "../../request_body.ts";
import type { RequestContext, Route } from "../../route.ts";
import { sessionKeyOf } from "../../session_key.ts";
import { booleanOf, countTasks, textOf, tokenLimitOf } from "./body_fields.ts";
import { scanBody, type ScannedBody } from "./body_scanner.ts";
import { spliceBody } from "./body_splice.ts";
import { errorReply } from "./error_shapes.ts";
import { PassEncoder } from "./pass_encoder.ts";
import { scannedFields, type V1Route } from "./routes.ts";

/** What the routes of `/v1` need. Durations are ms; 0 is none. */
export interface V1Options extends Admission {
  readonly fleet: Pick<Fleet, "exchange">;
  readonly arrivals: ArrivalLimiter;
  readonly v1MaxBodyBytes: number;
  /** Levels that objects and arrays of the body may have. */
  readonly maxJsonDepth: number;
  /** From the POST to llama-server to the end of its answer. */
  readonly v1Timeout: number;
  /** Names that clients have built in, and the models that they mean. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Whether llama-server may fetch pictures and sounds by their addresses. */
  readonly allowMediaUrls: boolean;
  readonly bodyDeadlines: Deadlines;
  readonly writeDeadlines: Deadlines;
  readonly heartbeats: Deadlines;
  readonly clock: Clock;
}

/** Calls without a slot that run at once. */
const MOST_CHEAP_CALLS = 64;

/** A request of a client, read as far as modeld needs. */
interface V1Request {
  readonly body: Uint8Array;
  readonly scanned: ScannedBody;
  /** What the client named, an alias resolved. */
  readonly model: string | undefined;
  readonly stream: boolean;
  /** Whether it wants to hear how far the prompt is read. */
  readonly asksProgress: boolean;
  /** What llama-server makes of it. */
  readonly tasks: number;
  /** What says that requests belong together. */
  readonly session: string | undefined;
}

/** The routes by which requests are passed on to llama-server as they are. */
export function v1Routes(table: readonly V1Route[], options: V1Options): readonly Route[] {
  const cheap = { running: 0 };
  return table.flatMap((row) => row.paths.map((path) => v1Route(path, row, cheap, options)));
}

function v1Route(path: string, row: V1Route, cheap: { running: number }, options: V1Options): Route {
  const { api } = row;
  return {
    method: "POST",
    path,
    headers: { "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
    idHeaders: api === "anthropic" ? ["request-id"] : [],
    refuse: (failure, requestId) => errorReply(api, failure, requestId),
    async handle(request, context) {
      const inference = await admit(request, context, options);
      try {
        if (row.slots === undefined) countCheap(cheap, inference);
        const v1 = await read(row, request, context, inference, options);
        // Embeddings and ranks are counted for all inputs together.
        if (row.terminal !== undefined) inference.tasks = v1.tasks;
        options.rateLimits.charge(inference, context, () => estimateOf(row, v1));
        return withServer(await reply(row, v1, inference, options), inference);
      } catch (error) {
        return withServer(errorReply(api, failed(inference, error), inference.id), inference);
      }
    },
  };
}

/** Bounds the calls that no slot bounds. */
function countCheap(cheap: { running: number }, inference: Inference): void {
  if (cheap.running >= MOST_CHEAP_CALLS) {
    const message = `${cheap.running} calls without a slot are being answered, the limit; try again`;
    throw new ModeldError("overloaded", message, { retryAfterSeconds: 1 });
  }
  cheap.running++;
  inference.onEnd(() => cheap.running--);
}

/** Receives the body and scans it. */
async function read(
  row: V1Route,
  request: Request,
  context: RequestContext,
  inference: Inference,
  options: V1Options,
): Promise<V1Request> {
  const { bodyDeadlines, v1MaxBodyBytes, maxJsonDepth: maxDepth, aliases, allowMediaUrls } = options;
  const { signal } = inference;
  const limits = { maxBytes: v1MaxBodyBytes, setting: "--v1-max-body-bytes", deadlines: bodyDeadlines };
  const body = await receiveBody(request, context, inference, limits);
  const fields = scannedFields(row);
  const scanned = await scanBody(body, { fields, elements: row.prompt, maxDepth, signal });
  if (!scanned.ok) throw new ModeldError("invalid_request", scanned.message);
  if (scanned.mediaAddress !== undefined && !allowMediaUrls) {
    throw new ModeldError(
      "invalid_request",
      "the body has a picture or sound by its http(s) address, which llama-server would fetch from its own network: " +
        "send it as a data: URL, or start modeld with --allow-media-urls",
    );
  }
  if (row.api === "anthropic" && row.prompt.includes("messages") && scanned.fields.get("messages") === undefined) {
    throw new ModeldError("invalid_request", "messages: field required");
  }
  for (const name of ["service_tier", "priority"]) inference.lowerPriority(textOf(body, scanned, name));
  const named = textOf(body, scanned, "model");
  const field = scanned.fields.get("model");
  if (named === undefined && field !== undefined && field.kind !== "null") {
    throw new ModeldError("invalid_request", "model must be a string of at most 4096 bytes");
  }
  return {
    body,
    scanned,
    model: aliased(named || undefined, aliases),
    stream: row.terminal !== undefined && booleanOf(body, scanned, "stream") === true,
    asksProgress: booleanOf(body, scanned, "return_progress") === true,
    tasks: row.slots === undefined ? 0 : countTasks(body, scanned, row.slots),
    session: sessionKeyOf(request.headers) ?? textOf(body, scanned, "prompt_cache_key"),
  };
}

function reply(row: V1Route, v1: V1Request, inference: Inference, options: V1Options): Promise<Response> {
  const { fleet, arrivals, clock, writeDeadlines, heartbeats } = options;
  const { signal, timeline } = inference;
  const encoder = new PassEncoder(row.api, inference.id, v1.asksProgress);
  return streamReply(async () => {
    timeline.enter("queue");
    await arrivals.pass(signal);
    return await timeline.run(() => fleet.exchange(fleetRequest(row, v1, inference, options), inference));
  }, { encoder, inference, clock, writeDeadlines, whole: false, heartbeats: v1.stream ? heartbeats : undefined });
}

function fleetRequest(
  row: V1Route,
  { body, scanned, model, stream, tasks, session }: V1Request,
  { id, timeline }: Inference,
  { v1Timeout: timeout }: V1Options,
): FleetRequest {
  return {
    model,
    slots: tasks,
    ...(row.slots !== undefined && { prompt: () => promptOf(row, body, scanned, session) }),
    isWhole: !stream,
    open({ server, model: upstream, isRouter }, signal) {
      // A server with one model takes any name; a router needs its own.
      const name = isRouter ? upstream : undefined;
      const sent = spliceBody(body, scanned, { model: name, omit: ["id_slot"] });
      return server.forward({
        path: row.upstream,
        body: [sent],
        stream,
        choices: Math.max(1, tasks),
        timeout,
        headers: { "x-request-id": id, ...timeline.traceparent && { traceparent: timeline.traceparent } },
      }, signal);
    },
  };
}

function promptOf(row: V1Route, bytes: Uint8Array, scanned: ScannedBody, session: string | undefined): Fingerprint {
  return new Fingerprint(promptSpans(row, scanned).map(({ start, end }) => ({ bytes, start, end })), session);
}

/** The parts of the body that make the prompt, cut where a message or a tool ends. */
function promptSpans(
  row: V1Route,
  { fields }: ScannedBody,
): readonly { readonly start: number; readonly end: number }[] {
  return row.prompt.flatMap((name) => {
    const field = fields.get(name);
    if (field === undefined || field.kind === "null") return [];
    return field.elements.length > 0 ? field.elements : [field];
  });
}

/** Tokens that a request may take; calls without a slot take none. */
function estimateOf(row: V1Route, { body, scanned, tasks }: V1Request): number {
  const bytes = promptSpans(row, scanned).reduce((sum, { start, end }) => sum + end - start, 0);
  const longest = row.tokenLimits.length === 0 ? 0 : tokenLimitOf(body, scanned, row.tokenLimits);
  return estimateTokens(tokensOfBytes(bytes), longest, tasks);
}
