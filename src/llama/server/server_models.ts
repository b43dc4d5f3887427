import { z } from "zod";
import type { ServerModel } from "../adapter.ts";
import { type ModelStanding, standingOf } from "./model_state.ts";

/** What is read of one entry of `GET /v1/models`. */
const Entry = z.object({
  id: z.string(),
  aliases: z.array(z.string()).optional(),
  meta: z.object({ size: z.number().optional(), n_ctx: z.number().optional() }).nullish(),
  status: z.object({
    value: z.string(),
    failed: z.boolean().optional(),
    exit_code: z.number().optional(),
    args: z.array(z.string()).optional(),
  }).optional(),
});

const List = z.object({ data: z.array(Entry) });

/** Reads the body of `GET /v1/models`; `undefined` where it is not what llama-server sends. */
export function parseModels(json: unknown): readonly ServerModel[] | undefined {
  return List.safeParse(json).data?.data.map(modelOf);
}

function modelOf({ id, aliases = [], meta, status }: z.infer<typeof Entry>): ServerModel {
  const path = pathIn(status?.args ?? []);
  return {
    id,
    aliases: aliases.filter((alias) => alias !== id),
    ...standing(status, meta),
    ...(path === undefined ? {} : { path }),
    ...(meta?.size === undefined ? {} : { sizeBytes: meta.size }),
    ...(meta?.n_ctx === undefined ? {} : { contextLength: meta.n_ctx }),
  };
}

/** A router says how each model stands. The model of a single server has no `meta` until it is loaded. */
function standing(status: z.infer<typeof Entry>["status"], meta: z.infer<typeof Entry>["meta"]): ModelStanding {
  if (status === undefined) return { state: meta === null ? "loading" : "loaded" };
  const { value, failed = false, exit_code: exitCode } = status;
  return standingOf({ value, failed, exitCode }) ?? { state: "unloaded" };
}

/** The file that a router would start the model with. */
function pathIn(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => arg === "--model" || arg === "-m");
  return at < 0 ? undefined : args[at + 1];
}
