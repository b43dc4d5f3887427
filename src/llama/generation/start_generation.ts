import type { Clock } from "../../base/clock.ts";
import { ModeldError } from "../../base/errors.ts";
import { AbortScope } from "../../base/abort.ts";
import type { GenerateRequest, Generation } from "../adapter.ts";
import { ByteStream } from "../connection/byte_stream.ts";
import { GENERATION_PATHS, generationBody, type RequestShape } from "./generation_request.ts";
import { failureOf, isMissing } from "../connection/reply.ts";
import type { KeyMask } from "../key_mask.ts";
import type { ServerClient } from "../connection/server_client.ts";
import type { SharedDeadline } from "../connection/shared_deadline.ts";
import { type SilenceLimits, SilenceWatch } from "./silence_watch.ts";
import { StreamedGeneration } from "./streamed_generation.ts";

/** What modeld is doing here, for messages. */
const OPERATION = "generate";

/** What starting a generation needs beyond the request. */
export interface GenerationContext {
  readonly client: ServerClient;
  /** `--llama-timeout`: from the POST to the end of the answer. */
  readonly deadline: SharedDeadline;
  readonly silence: SilenceLimits;
  readonly clock: Clock;
  readonly mask: KeyMask;
}

/**
 * Sends the request and resolves when llama-server has accepted it. Exactly one POST can have begun a generation: another
 * path is tried only after an answer which says that the path does not exist.
 *
 * @throws ModeldError that says why it was not accepted, or the signal's reason.
 */
export async function startGeneration(
  { client, deadline, silence, clock, mask }: GenerationContext,
  request: GenerateRequest,
  shape: RequestShape,
  signal: AbortSignal,
): Promise<Generation> {
  const scope = new AbortScope();
  const watch = new SilenceWatch(silence, clock, (error) => scope.abort(error));
  try {
    scope.follow(signal);
    if (deadline.ms > 0) scope.follow(deadline.start(), () => timedOut(deadline.ms));
    watch.wait();
    const response = await post(client, request, shape, scope);
    return new StreamedGeneration(new ByteStream(response, scope, OPERATION), watch, mask);
  } catch (error) {
    watch.release();
    scope.release();
    throw error;
  }
}

async function post(
  client: ServerClient,
  request: GenerateRequest,
  shape: RequestShape,
  scope: AbortScope,
): Promise<Response> {
  const [path, ...others] = GENERATION_PATHS[shape];
  const body = generationBody(request, shape);
  let call = { operation: OPERATION, method: "POST" as const, path, body, headers: request.headers ?? {} };
  let response = await client.open(call, scope);
  for (const other of others) {
    if (!isMissing(response.status)) break;
    await response.body?.cancel();
    call = { ...call, path: other };
    response = await client.open(call, scope);
  }
  if (response.ok) return response;
  throw failureOf(OPERATION, await client.read(call, response, scope));
}

function timedOut(ms: number): ModeldError {
  return new ModeldError("llama_timeout", `llama-server did not finish its answer within ${ms} ms (--llama-timeout)`);
}
