import { clip } from "../../../base/clip.ts";
import { ModeldError } from "../../../base/errors.ts";
import type { Inferences } from "../../inference.ts";
import type { Gate } from "../../middleware/gate.ts";
import { pathOf } from "../../request_target.ts";
import type { Route } from "../../route.ts";
import { mayCancel, type Viewer } from "./live_view.ts";
import { STATUS_CODE } from "@std/http/status";

const PREFIX = "/requests/";

/** What `DELETE /requests/{id}` needs. */
export interface CancelOptions {
  readonly inferences: Inferences;
  readonly gate: Gate;
}

/**
 * `DELETE /requests/{id}`: ends a request of one's own, whose client is told so. The id is the client's, so several
 * may have it; they all end. A request of another client is no different from one that does not exist.
 */
export function cancelRoute({ inferences, gate }: CancelOptions): Route {
  return {
    method: "DELETE",
    path: PREFIX,
    isPrefix: true,
    async handle(request, context) {
      const client = await gate.enter(request, context);
      const viewer: Viewer = { client: client.name, isAdmin: client.admin, hasKeys: gate.hasKeys };
      if (!viewer.hasKeys) {
        const message = "without API keys a request belongs to nobody, so it cannot be cancelled: set --api-key-file";
        throw new ModeldError("not_found", message);
      }
      const id = idOf(pathOf(request.url));
      const found = inferences.running().filter((inference) =>
        inference.id === id && mayCancel(viewer, inference.client.name)
      );
      if (found.length === 0) {
        throw new ModeldError("not_found", `no request of yours with this id is running: ${clip(id)}`);
      }
      for (const inference of found) {
        inference.abort(new ModeldError("cancelled", "cancelled by DELETE /requests/{id}"));
      }
      return new Response(null, { status: STATUS_CODE.NoContent });
    },
  };
}

function idOf(path: string): string {
  try {
    return decodeURIComponent(path.slice(PREFIX.length));
  } catch (cause) {
    throw new ModeldError("invalid_request", "the id is not percent-encoded as it must be", { cause });
  }
}
