import * as z from "zod/mini";
import { AbortScope } from "../../base/abort.ts";
import type { ModelEvent } from "../adapter.ts";
import { ByteStream } from "../connection/byte_stream.ts";
import { EventFramer } from "../decoding/event_framer.ts";
import { parseJson } from "../../base/json.ts";
import { LineSplitter } from "../decoding/line_splitter.ts";
import { standingOf } from "./model_state.ts";
import { failureOf } from "../connection/reply.ts";
import type { ServerClient } from "../connection/server_client.ts";

/** What is read of one event of `GET /models/sse`. */
const StatusEvent = z.object({
  model: z.string(),
  data: z.object({ status: z.string(), exit_code: z.optional(z.number()) }),
});

/** A router's state changes as they come, until it closes the stream. */
export async function* modelEvents(client: ServerClient, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const call = { operation: "events", method: "GET", path: "/models/sse" } as const;
  const scope = new AbortScope();
  let stream: ByteStream | undefined;
  try {
    scope.follow(signal);
    const response = await client.open(call, scope);
    if (!response.ok) throw failureOf(call.operation, await client.read(call, response, scope));
    stream = new ByteStream(response, scope, call.operation);
    const lines = new LineSplitter();
    const framer = new EventFramer();
    for (let bytes; (bytes = await stream.read()) !== undefined;) {
      const arrived: ModelEvent[] = [];
      lines.push(bytes, (line) => {
        const event = modelEvent(framer.line(line)?.data);
        if (event !== undefined) arrived.push(event);
      });
      yield* arrived;
    }
  } finally {
    stream?.close();
    scope.release();
  }
}

/** The change of state that an event tells of. Progress of a load and words of later builds are none. */
function modelEvent(data: string | undefined): ModelEvent | undefined {
  if (data === undefined) return undefined;
  const event = StatusEvent.safeParse(parseJson(data)).data;
  if (event === undefined) return undefined;
  const { status: value, exit_code: exitCode } = event.data;
  const standing = standingOf({ value, failed: false, exitCode });
  return standing === undefined ? undefined : { model: event.model, ...standing };
}
