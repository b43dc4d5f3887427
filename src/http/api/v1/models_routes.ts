import { type Client, mayUseModel } from "../../../base/client.ts";
import { ModeldError } from "../../../base/errors.ts";
import type { CatalogModel, Fleet } from "../../../dispatch/fleet.ts";
import { pathOf, queryOf } from "../../request_target.ts";
import type { Route } from "../../route.ts";
import { errorReply } from "./error_shapes.ts";

const LIST = "/v1/models";

/** `GET /v1/models`, `GET /v1/models/{id}` and `GET /props`, from what modeld knows of all servers. */
export function modelsRoutes(fleet: Pick<Fleet, "catalog" | "props">): readonly Route[] {
  const refuse: Route["refuse"] = (failure, requestId) => errorReply("openai", failure, requestId);
  return [
    {
      method: "GET",
      path: LIST,
      refuse,
      handle: (_, { client }) => Response.json({ object: "list", data: catalogFor(client, fleet).map(modelObject) }),
    },
    {
      method: "GET",
      path: `${LIST}/`,
      isPrefix: true,
      refuse,
      handle(request, { client }) {
        const id = decode(pathOf(request.url).slice(LIST.length + 1));
        const model = catalogFor(client, fleet).find((model) => model.id === id || model.aliases.includes(id));
        if (model === undefined) throw new ModeldError("model_not_found", `model not found: ${id}`);
        return Response.json(modelObject(model));
      },
    },
    {
      method: "GET",
      path: "/props",
      refuse,
      async handle(request, { client }) {
        const name = new URLSearchParams(queryOf(request.url)).get("model") ?? undefined;
        return Response.json(withoutSecrets(await fleet.props(name, client, request.signal)));
      },
    },
  ];
}

/** The models that the client may use, by their id or another name. */
function catalogFor(client: Client | undefined, fleet: Pick<Fleet, "catalog">): readonly CatalogModel[] {
  const models = fleet.catalog();
  if (client === undefined) return models;
  return models.filter(({ id, aliases }) => [id, ...aliases].some((name) => mayUseModel(client, name)));
}

function modelObject({ id, aliases, state, contextLength, sinceUnix }: CatalogModel): unknown {
  return {
    id,
    object: "model",
    created: sinceUnix,
    owned_by: "llamacpp",
    aliases,
    status: { value: state },
    ...(contextLength !== undefined && {
      meta: { n_ctx: contextLength },
      max_model_len: contextLength,
      context_length: contextLength,
    }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a `%` that begins no escape: then it is part of the name
  }
}

/** Keys and paths of the server's machine are none of a client's business. */
function withoutSecrets(props: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(props).filter(([name]) => !/(^|_)(api_keys?|path|paths|file|dir)$/.test(name)),
  );
}
