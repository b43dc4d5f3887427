import * as z from "zod/mini";
import { clip } from "../../base/clip.ts";
import type { ServerModel, ServerModelState } from "../llama_server.ts";
import { detail } from "./server_props.ts";

/** The state of one of a router's models, in the router's words. */
export interface RouterStatus {
  /** Its word for the state. */
  readonly value: string;
  /** Whether the last run of the model ended badly. */
  readonly failed: boolean;
  /** How the process of the model ended. */
  readonly exitCode: number | undefined;
}

/** The state of a model, and why if it failed. */
export interface ModelState {
  readonly state: ServerModelState;
  readonly reason?: string;
}

/** Reads a router's status; `undefined` for a word that modeld does not know. */
export function stateOf({ value, failed, exitCode }: RouterStatus): ModelState | undefined {
  switch (value) {
    case "loading":
      return { state: "loading" };
    case "loaded":
    case "sleeping": // wakes by itself when it is asked
      return { state: "loaded" };
    case "unloaded":
      return failed || (exitCode ?? 0) !== 0
        ? { state: "failed", reason: failureReason(exitCode) }
        : { state: "unloaded" };
    default:
      return undefined;
  }
}

function failureReason(exitCode: number | undefined): string {
  const how = exitCode === undefined ? "ended" : `ended with exit code ${exitCode}`;
  return `the model's process ${how}; llama-server's log says why`;
}

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
    ...stateIn(status, meta),
    ...(path === undefined ? {} : { path }),
    ...(meta?.size === undefined ? {} : { sizeBytes: meta.size }),
    ...(meta?.n_ctx === undefined ? {} : { contextLength: meta.n_ctx }),
  };
}

/** A router reports the state of each model. The model of a single server has no `meta` until it is loaded. */
function stateIn(status: z.infer<typeof Entry>["status"], meta: z.infer<typeof Entry>["meta"]): ModelState {
  if (status === undefined) return { state: meta === null ? "loading" : "loaded" };
  const { value, failed = false, exit_code: exitCode } = status;
  return stateOf({ value, failed, exitCode }) ?? { state: "unloaded" };
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
