import * as z from "zod/mini";
import type { ModelInfo } from "../../../dispatch/fleet.ts";
import type { Status } from "../../../dispatch/status.ts";
import { errorTable } from "../../error_table.ts";

const count = z.int().check(z.nonnegative());
const unixSeconds = z.number().check(z.describe("Unix seconds."));
const megabytes = z.number().check(z.describe("MB (2^20 bytes)."));

function text(description: string): z.ZodMiniString {
  return z.string().check(z.describe(description));
}

const errorTypes = Object.keys(errorTable).filter((kind) => kind !== "cancelled");

/** An error, as a reply's body or as a stream's last line. */
export const errorSchema = z.object({
  error: text("What failed, with the values that matter and what to do."),
  code: z.int().check(z.describe("The HTTP status; in a stream, the status it would have been.")),
  type: z.enum(errorTypes).check(z.describe("modeld's own word for the failure; the same in metrics and log.")),
  upstream_type: z.exactOptional(text("llama-server's own type, where it sent one.")),
});

/** One fragment of a stream. */
export const tokenLineSchema = z.object({
  token: z.string().check(z.minLength(1), z.describe("A piece of the text, in order.")),
});

/** One piece of the model's reasoning; only where the request has `"reasoning": true`. */
export const reasoningLineSchema = z.object({
  reasoning: z.string().check(z.minLength(1), z.describe("A piece of the reasoning, in order.")),
});

/** How far a request is, before its first token; only where the request has `"progress": true`. */
export const progressLineSchema = z.object({
  progress: z.object({
    stage: z.enum(["queue", "load", "prefill"]).check(z.describe("It waits for a slot, for its model, for a token.")),
    position: z.exactOptional(z.int().check(z.positive(), z.describe("In its model's queue; 1 is next."))),
    eta_ms: z.exactOptional(count.check(z.describe("Until it gets a slot, by what requests took lately."))),
    prompt_tokens: z.exactOptional(count.check(z.describe("Tokens of the prompt, as llama-server counts."))),
    prompt_done: z.exactOptional(count.check(z.describe("Those of them that are processed."))),
  }),
});

/** The last line of a stream that ended well; the only line with `stream: false`. */
export const finalLineSchema = z.object({
  done: z.literal(true),
  content: text("All fragments, concatenated."),
  finish_reason: text("`stop`, `length`, or what else llama-server said."),
  usage: z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count })
    .check(z.describe("As llama-server counts; zeros where it reported nothing.")),
  reasoning_chars: z.exactOptional(count.check(z.describe("Characters of reasoning that were not asked for."))),
  timings: z.exactOptional(
    z.record(z.string(), z.unknown()).check(z.describe("llama-server's own timings: their plain values.")),
  ),
});

/** Any line of a stream. */
export const inferLineSchema = z.union([
  tokenLineSchema,
  reasoningLineSchema,
  progressLineSchema,
  finalLineSchema,
  errorSchema,
]);

/** `GET /models`. */
export const modelsSchema = z.object({
  models: z.array(z.object({
    id: text("What `model` in a request names."),
    name: z.string(),
    path: text("The model's file, empty where it is not known."),
    quant: text("Quantization, empty where it is not known."),
    family: z.exactOptional(text("Architecture, as the file says.")),
  })),
}) satisfies z.ZodMiniType<{ models: ModelInfo[] }>;

const stateSchema = z.enum(["unloaded", "loading", "ready", "draining", "error"]);

const instanceSchema = z.object({
  model_id: z.string(),
  server: text("The name of its llama-server."),
  state: stateSchema,
  last_used_unix: unixSeconds,
  est_vram_mb: megabytes,
  est_source: z.enum(["file", "server", "unknown"]).check(z.describe("Where the estimate comes from.")),
  queue_len: count.check(z.describe("Requests that wait for a slot.")),
  inflight: count.check(z.describe("Generations that run.")),
  max_queue_depth: count,
  expected_wait_ms: z.exactOptional(
    z.number().check(z.nonnegative(), z.describe("How long a request that comes now is expected to wait for a slot.")),
  ),
  slots: count.check(z.describe("Generations that may run at once.")),
  slots_unconfirmed: z.exactOptional(
    count.check(z.describe("Slots kept free because llama-server may still be generating for a client that left.")),
  ),
  queue_wait_ms_p50: z.number().check(z.nonnegative()),
  loaded_since_unix: z.exactOptional(unixSeconds),
  loading_since_unix: z.exactOptional(unixSeconds),
  reason: z.exactOptional(text("Why the state is `error`.")),
});

const serverSchema = z.object({
  name: text("As in the configuration, else `server-1`, `server-2`, ..."),
  url: text("Without secrets."),
  state: z.enum(["ready", "lost", "unknown"]).check(z.describe("`unknown`: it has not said what it is yet.")),
  kind: z.exactOptional(z.enum(["single", "router", "native"])),
  build: z.exactOptional(z.string()),
  slots: count.check(z.describe("Slots of all models that are ready there.")),
  running: count.check(z.describe("Those of them that are in use.")),
  queue_wait_ms: z.number().check(z.nonnegative(), z.describe("Median wait for a slot there.")),
  vram_used_mb: megabytes,
  vram_budget_mb: z.number().check(z.describe("MB (2^20 bytes); 0: no limit.")),
  last_seen_unix: z.exactOptional(unixSeconds),
  last_error: z.exactOptional(z.string()),
});

const clientSchema = z.object({
  name: text("As in the configuration; `other`: all who are known by their address."),
  waiting: count.check(z.describe("Requests that wait.")),
  running: count.check(z.describe("Requests that run.")),
});

/** `GET /status`. */
export const statusSchema = z.object({
  instances: z.array(instanceSchema),
  servers: z.array(serverSchema),
  clients: z.array(clientSchema),
  budget_mb: megabytes,
  used_est_mb: megabytes,
  margin_mb: megabytes,
  state: stateSchema,
  uptime_seconds: z.number().check(z.nonnegative()),
  server_time_unix: unixSeconds,
  evictions_total: count,
  loads_total: count,
  warmups_in_progress: count.check(z.describe("Loads in progress.")),
  draining_count: count,
  error: z.exactOptional(z.string()),
  last_error: z.exactOptional(z.string()),
}) satisfies z.ZodMiniType<Status>;
