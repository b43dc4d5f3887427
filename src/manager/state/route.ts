import { clip } from "../../clip.ts";
import type { ModeldError } from "../../errors.ts";
import { resolveModel } from "../registry/resolve_model.ts";
import type { Instance } from "./instance.ts";
import { listedInstances, type ManagerState } from "./manager_state.ts";
import { modelNotFound } from "./refusals.ts";

/** The instance that serves a request, and what llama-server is to be asked for. */
export interface Route {
  readonly instance: Instance;
  readonly upstreamModel: string | undefined;
}

/** Finds the instance for a model's name; without a name the default model's, else the only one's. */
export function route(state: ManagerState, requested: string | undefined): Route | ModeldError {
  const name = requested || state.limits.defaultModel;
  const listed = listedInstances(state);
  const only = listed.length === 1 ? listed[0] : undefined;
  if (only !== undefined && (name === undefined || !state.hasList)) {
    return { instance: only, upstreamModel: name ?? (state.hasList ? only.id : undefined) };
  }
  if (name === undefined) {
    return modelNotFound("none was named and there is no default; name one, or set --default-model");
  }
  const resolution = resolveModel(name, listed);
  switch (resolution.kind) {
    case "found":
      return { instance: resolution.model, upstreamModel: resolution.model.id };
    case "ambiguous":
      return modelNotFound(
        `${clip(name)} may be any of ${clip(resolution.candidates.map((model) => model.id).join(", "))}; name one`,
      );
    case "unknown":
      return modelNotFound(`${clip(name)}; GET /models lists those that llama-server has`);
  }
}
