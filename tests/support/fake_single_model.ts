import type { Exchange } from "./raw_http_server.ts";
import { replyJson } from "./replies.ts";
import type { FakeEngine } from "./fake_engine.ts";

/** Answers what a llama-server with one model says of itself; false when the request is for something else. */
export async function answerSingleModel(
  exchange: Exchange,
  ids: readonly string[],
  engine: FakeEngine,
): Promise<boolean> {
  const { method, path } = exchange.request;
  const answer = answers(ids, engine)[`${method} ${path}`];
  if (answer === undefined) return false;
  await replyJson(exchange, 200, answer);
  return true;
}

function answers(ids: readonly string[], engine: FakeEngine): Record<string, unknown> {
  const meta = { n_ctx: 2048, size: 1_171_200 };
  const list = { object: "list", data: ids.map((id) => ({ id, aliases: [id], object: "model", meta })) };
  return {
    "GET /props": {
      total_slots: engine.slots,
      model_path: `/models/${ids[0]}.gguf`,
      build_info: "b11669-fake",
      default_generation_settings: { n_ctx: 2048 },
    },
    "GET /v1/models": list,
    "GET /models": list,
    "GET /slots": Array.from({ length: engine.slots }, (_, id) => ({ id, is_processing: id < engine.busy })),
  };
}
