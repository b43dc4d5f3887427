import { ModeldError } from "../base/errors.ts";
import type { LlamaServer, ServerDescription, ServerModel } from "../llama/llama_server.ts";
import { resolveModel } from "./model_names.ts";

/** What one check found out. */
export interface Finding {
  readonly status: "OK" | "NOT OK" | "SKIPPED";
  readonly detail: string;
  readonly remedy?: string;
  /** The check that failed before, for want of which this one was not made. */
  readonly needs?: string;
  /** It may come right by itself: llama-server is starting or loading. */
  readonly maySettle?: boolean;
  /** The default model is not here and may be on another server. */
  readonly isElsewhere?: true;
}

/** What the checks know so far; each may add to it for those after it. */
export interface Findings {
  readonly server: LlamaServer | undefined;
  readonly absence: ModeldError | undefined;
  readonly isOneOfSeveral: boolean;
  readonly defaultModel: string | undefined;
  /** Whether loaded models have a VRAM budget, which only the dispatcher keeps. */
  readonly hasBudget: boolean;
  models?: readonly ServerModel[] | undefined;
  description?: ServerDescription;
  /** The id of the model that the dry run asks. */
  model?: string;
}

/** One check. It throws the server's ModeldError where llama-server fails it. */
export interface Check {
  readonly name: string;
  /** It makes llama-server generate, which takes longer than an answer about itself. */
  readonly generates?: boolean;
  run(findings: Findings, signal: AbortSignal): Promise<Finding>;
}

/** The checks, in the order in which they are made. */
export const preflightChecks: readonly Check[] = [
  { name: "llama-server configured", run: configured },
  { name: "llama-server reachable", run: reachable },
  { name: "model list", run: modelList },
  { name: "kind of server", run: kindOfServer },
  { name: "default model", run: defaultModel },
  { name: "dry run", run: dryRun, generates: true },
];

/** What an operator can do about a failure. */
export function remedyFor(error: ModeldError): string {
  if (isKeyRefused(error)) return "Give llama-server's key with --llama-api-key-file or LLAMA_API_KEY";
  switch (error.kind) {
    case "unreachable":
      return "Start llama-server or correct --llama-url; --preflight-wait=5m gives it time to start";
    case "loading":
      return "Give it time with --preflight-wait=5m";
    case "load_failed":
      return "See llama-server's log for the reason";
    case "llama_timeout":
    case "first_token_timeout":
    case "idle_timeout":
      return "See whether llama-server is busy, or raise that deadline";
    default:
      return "Check that --llama-url is the address of a llama-server, with the right path, and see its log";
  }
}

function isKeyRefused(error: ModeldError): boolean {
  return error.upstreamType === "authentication_error";
}

function serverOf({ server }: Findings): LlamaServer {
  if (server === undefined) throw new ModeldError("not_configured", "llama adapter not initialized");
  return server;
}

function configured({ server, absence }: Findings): Promise<Finding> {
  if (absence !== undefined) {
    const remedy = "Correct --llama-url; --preflight-wait=5m gives the name time to appear";
    return Promise.resolve({ status: "NOT OK", detail: absence.message, remedy });
  }
  return Promise.resolve(
    server === undefined
      ? { status: "NOT OK", detail: "no address is set", remedy: "Set --llama-url, for example http://127.0.0.1:8081" }
      : { status: "OK", detail: "its address is set" },
  );
}

async function reachable(findings: Findings, signal: AbortSignal): Promise<Finding> {
  const health = await serverOf(findings).health(signal);
  if (health === "ready") return { status: "OK", detail: "it answers and is ready" };
  throw new ModeldError("loading", "it answers and is loading its model");
}

async function modelList(findings: Findings, signal: AbortSignal): Promise<Finding> {
  findings.models = await serverOf(findings).models(signal);
  if (findings.models === undefined) return { status: "SKIPPED", detail: "this build of llama-server has none" };
  const hasPaths = findings.models.some(({ id }) => PATH_OF_A_MODEL.test(id));
  return { status: "OK", detail: names(findings.models), ...(hasPaths && { remedy: NAME_IT }) };
}

/** What llama-server calls a model that it was given no name for. */
const PATH_OF_A_MODEL = /[/\\].*\.gguf$/i;
const NAME_IT = "Start llama-server with --alias NAME, or its answers name the model by the path of its file";

async function kindOfServer(findings: Findings, signal: AbortSignal): Promise<Finding> {
  const description = await serverOf(findings).describe(signal);
  findings.description = description;
  const build = description.build === undefined ? "unknown build" : `build ${description.build}`;
  const kinds = { single: "a single model", router: "a router", native: "without OpenAI endpoints" };
  return { status: "OK", detail: `${kinds[description.kind]}, ${build}` };
}

function defaultModel(findings: Findings): Promise<Finding> {
  return Promise.resolve(chooseModel(findings));
}

function chooseModel(findings: Findings): Finding {
  const { defaultModel, models, isOneOfSeveral } = findings;
  const only = models?.length === 1 ? models[0] : undefined;
  if (defaultModel === undefined) {
    if (models === undefined) {
      return { status: "SKIPPED", detail: "there is no list, so every name means the server's one model" };
    }
    if (only === undefined) return { status: "SKIPPED", detail: "none is set, so requests must name their model" };
    findings.model = only.id;
    return { status: "OK", detail: `${only.id}, the only one` };
  }
  if (models === undefined) {
    findings.model = defaultModel;
    return { status: "SKIPPED", detail: `there is no list to look ${JSON.stringify(defaultModel)} up in` };
  }
  const resolution = resolveModel(defaultModel, models);
  if (resolution.kind === "found") {
    findings.model = resolution.model.id;
    return { status: "OK", detail: resolution.model.id };
  }
  const written = JSON.stringify(defaultModel);
  if (isOneOfSeveral && resolution.kind !== "ambiguous") {
    return {
      status: "SKIPPED",
      detail: `${written} is none of ${names(models)}; others may have it`,
      isElsewhere: true,
    };
  }
  if (models.length === 0) {
    return {
      status: "NOT OK",
      detail: `llama-server lists no models, so not ${written} either`,
      remedy: "Start it with --models-dir or -m",
    };
  }
  return resolution.kind === "ambiguous"
    ? {
      status: "NOT OK",
      detail: `${written} could be ${names(resolution.candidates)}`,
      remedy: "Set --default-model to one",
    }
    : {
      status: "NOT OK",
      detail: `${written} is none of ${names(models)}`,
      remedy: "Set --default-model to one of them",
    };
}

/**
 * Asks for one token in the way that requests go, streaming: what passes is what will be used. It must not change what is
 * loaded where only the fleet may decide that.
 */
async function dryRun(findings: Findings, signal: AbortSignal): Promise<Finding> {
  const { description, model, models } = findings;
  if (model === undefined && models !== undefined) return { status: "SKIPPED", detail: "no model to ask" };
  const state = models?.find(({ id }) => id === model)?.state;
  if (description?.kind === "router" && state !== "loaded") {
    if (description.autoload === false) {
      return { status: "SKIPPED", detail: `${model} is not loaded, and the router loads nothing by itself` };
    }
    if (findings.hasBudget) {
      return { status: "SKIPPED", detail: `${model} is not loaded, and would be without regard to --vram-budget-mb` };
    }
  }
  try {
    const request = { prompt: "Hello", maxTokens: 1, ...(model === undefined ? {} : { model }) };
    const exchange = await serverOf(findings).generate(request, signal);
    while (await exchange.read() !== undefined);
    return { status: "OK", detail: `${model ?? "the model"} generates` };
  } catch (error) {
    if (!(error instanceof ModeldError && error.kind === "upstream_invalid")) throw error;
    return { status: "SKIPPED", detail: `llama-server refuses it: ${error.message}` };
  }
}

function names(models: readonly ServerModel[]): string {
  const shown = models.slice(0, 10).map(({ id }) => id).join(", ");
  if (models.length === 0) return "no models";
  return models.length > 10 ? `${shown} and ${models.length - 10} more` : shown;
}
