import type { ModelInfo } from "./manager.ts";
import { quantizationOf } from "./registry/gguf/file_type.ts";
import { stem } from "./registry/resolve_model.ts";
import type { Instance } from "./state/instance.ts";
import { listedInstances, type ManagerState } from "./state/manager_state.ts";

/** What `GET /models` answers: the models of the server's last list. */
export function listModels(state: ManagerState): readonly ModelInfo[] {
  return listedInstances(state).map(modelInfo);
}

function modelInfo({ id, model: { path = pathIn(id), file } }: Instance): ModelInfo {
  return {
    id,
    name: stem(path === "" ? id : path),
    path,
    quant: file?.quantization ?? quantizationOf(undefined, stem(path)) ?? "",
    ...(file?.family !== undefined && { family: file.family }),
  };
}

/** A single server without an alias calls its model by the path that it was started with. */
function pathIn(id: string): string {
  return id.endsWith(".gguf") ? id : "";
}
