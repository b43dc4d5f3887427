import * as z from "zod";
import type { ModelInfo } from "../../manager/manager.ts";
import type { Status } from "../../manager/status.ts";
import { errorTable } from "../error_table.ts";

const count = z.int().nonnegative();
const unixSeconds = z.number().describe("Unix seconds.");
const megabytes = z.number().describe("MB (2^20 bytes).");

const errorTypes = Object.keys(errorTable).filter((kind) => kind !== "cancelled");

/** An error, as a reply's body or as a stream's last line. */
export const errorSchema = z.object({
  error: z.string().describe("What failed, with the values that matter and what to do."),
  code: z.int().describe("The HTTP status; in a stream, the status it would have been."),
  type: z.enum(errorTypes).describe("modeld's own word for the failure; the same in metrics and log."),
  upstream_type: z.string().exactOptional().describe("llama-server's own type, where it sent one."),
});

/** One fragment of a stream. */
export const tokenLineSchema = z.object({
  token: z.string().min(1).describe("A piece of the text, in order."),
});

/** The last line of a stream that ended well; the only line with `stream: false`. */
export const finalLineSchema = z.object({
  done: z.literal(true),
  content: z.string().describe("All fragments, concatenated."),
  finish_reason: z.string().describe("`stop`, `length`, or what else llama-server said."),
  usage: z.object({ prompt_tokens: count, completion_tokens: count, total_tokens: count })
    .describe("As llama-server counts; zeros where it reported nothing."),
  timings: z.record(z.string(), z.unknown()).exactOptional().describe("llama-server's own timings, as it sent them."),
});

/** Any line of a stream. */
export const inferLineSchema = z.union([tokenLineSchema, finalLineSchema, errorSchema]);

/** `GET /models`. */
export const modelsSchema = z.object({
  models: z.array(z.object({
    id: z.string().describe("What `model` in a request names."),
    name: z.string(),
    path: z.string().describe("The model's file, empty where it is not known."),
    quant: z.string().describe("Quantization, empty where it is not known."),
    family: z.string().exactOptional().describe("Architecture, as the file says."),
  })),
}) satisfies z.ZodType<{ models: ModelInfo[] }>;

const stateSchema = z.enum(["unloaded", "loading", "ready", "draining", "error"]);

const instanceSchema = z.object({
  model_id: z.string(),
  state: stateSchema,
  last_used_unix: unixSeconds,
  est_vram_mb: megabytes,
  est_source: z.enum(["file", "server", "unknown"]).describe("Where the estimate comes from."),
  queue_len: count.describe("Requests that wait for a slot."),
  inflight: count.describe("Generations that run."),
  max_queue_depth: count,
  slots: count.describe("Generations that may run at once."),
  queue_wait_ms_p50: z.number().nonnegative(),
  loaded_since_unix: unixSeconds.exactOptional(),
  reason: z.string().exactOptional().describe("Why the state is `error`."),
});

const serverSchema = z.object({
  url: z.string().describe("Without secrets."),
  kind: z.enum(["single", "router", "native"]).exactOptional(),
  build: z.string().exactOptional(),
  reachable: z.boolean(),
  last_seen_unix: unixSeconds.exactOptional(),
});

/** `GET /status`. */
export const statusSchema = z.object({
  instances: z.array(instanceSchema),
  budget_mb: megabytes,
  used_est_mb: megabytes,
  margin_mb: megabytes,
  state: stateSchema,
  uptime_seconds: z.number().nonnegative(),
  server_time_unix: unixSeconds,
  evictions_total: count,
  loads_total: count,
  warmups_in_progress: count.describe("Loads in progress."),
  draining_count: count,
  error: z.string().exactOptional(),
  last_error: z.string().exactOptional(),
  server: serverSchema.exactOptional(),
}) satisfies z.ZodType<Status>;
