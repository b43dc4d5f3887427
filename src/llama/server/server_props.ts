import * as z from "zod/mini";
import type { ModelCapacity, ServerDescription } from "../llama_server.ts";

/** A detail of an answer that modeld can do without: one that is missing or of another type is unknown. */
export function detail<T>(type: z.ZodMiniType<T>): z.ZodMiniType<T | undefined> {
  return z.catch(z.optional(type), undefined);
}

/** What is read of `GET /props`; the rest is llama-server's own business. */
const Props = z.object({
  role: detail(z.string()),
  build_info: detail(z.string()),
  total_slots: detail(z.int().check(z.positive())),
  max_instances: detail(z.int().check(z.nonnegative())),
  models_autoload: detail(z.boolean()),
  model_path: detail(z.string()),
  default_generation_settings: detail(z.object({ n_ctx: detail(z.number()) })),
});

/** `GET /props`, as far as modeld reads it. */
export type Props = z.infer<typeof Props>;

/** Reads the body of `GET /props`; `undefined` where it is not what llama-server sends. */
export function parseProps(json: unknown): Props | undefined {
  return Props.safeParse(json).data;
}

/** What a server is, from its `/props` (missing in very old builds) and from whether it has a list of models. */
export function describeServer(props: Props | undefined, hasModelList: boolean): ServerDescription {
  const router = hasModelList && props?.role === "router";
  return {
    kind: router ? "router" : hasModelList ? "single" : "native",
    ...(props?.build_info === undefined ? {} : { build: props.build_info }),
    ...(router || props?.total_slots === undefined ? {} : { totalSlots: props.total_slots }),
    ...(router && props.max_instances !== undefined ? { maxInstances: props.max_instances } : {}),
    ...(router && props.models_autoload !== undefined ? { autoload: props.models_autoload } : {}),
  };
}

/** What a loaded model can take, from its `/props`. */
export function capacityOf(props: Props): ModelCapacity {
  const contextLength = props.default_generation_settings?.n_ctx;
  return {
    ...(props.total_slots === undefined ? {} : { slots: props.total_slots }),
    ...(contextLength === undefined ? {} : { contextLength }),
  };
}
