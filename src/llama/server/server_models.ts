import * as z from "zod/mini";
import { clip } from "../../clip.ts";
import type { ServerModel } from "../adapter.ts";
import { detail } from "./detail.ts";
import { type ModelStanding, standingOf } from "./model_state.ts";

/** What is read of one entry of `GET /v1/models`. */
const Entry = z.object({
  id: z.string(),
  aliases: detail(z.array(z.string())),
  meta: detail(z.nullable(z.object({ size: detail(z.number()), n_ctx: detail(z.number()) }))),
  status: z.optional(z.object({
    value: z.string(),
    failed: detail(z.boolean()),
    exit_code: detail(z.number()),
    args: detail(z.array(z.string())),
  })),
});

const List = z.object({ data: z.array(Entry) });

/** Reads the body of `GET /v1/models`; `undefined` where it is not what llama-server sends. */
export function parseModels(json: unknown): readonly ServerModel[] | undefined {
  return List.safeParse(json).data?.data.map(modelOf);
}

function modelOf({ id, aliases = [], meta, status }: z.infer<typeof Entry>): ServerModel {
  const path = usablePath(pathIn(status?.args ?? []));
  return {
    id: clip(id),
    aliases: aliases.filter((alias) => alias !== id).map((alias) => clip(alias)),
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

/** The longest path that Linux takes. */
const LONGEST_PATH = 4_096;

/** The path of a model's file, unless it is too long to be one. */
export function usablePath(path: string | undefined): string | undefined {
  return path !== undefined && path.length <= LONGEST_PATH ? path : undefined;
}

/** The file that a router would start the model with. */
function pathIn(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => arg === "--model" || arg === "-m");
  return at < 0 ? undefined : args[at + 1];
}
