import type { Exchange } from "../../../../src/llama/exchange.ts";
import type { LlamaServer } from "../../../../src/llama/llama_server.ts";
import type { RequestContext } from "../../../../src/base/request_context.ts";
import type { FleetRequest } from "../../../../src/dispatch/fleet.ts";
import type { HttpOptions } from "../../../../src/http/server.ts";
import { serverAt } from "../../../llama/server_under_test.ts";
import { FakeLlamaHttpServer } from "../../../support/fake_llama_http_server.ts";
import { FakeFleet } from "../../fake_fleet.ts";
import { type TestServer, withServer } from "../../with_server.ts";

/** A fleet of one server that is always free. */
class OneServer extends FakeFleet {
  readonly #server: LlamaServer;
  /** Set: the server is a router, which knows the model by this name. */
  routerModel: string | undefined;
  /** What it was asked for, in order. */
  readonly asked: FleetRequest[] = [];

  constructor(server: LlamaServer) {
    super();
    this.#server = server;
  }

  override exchange(request: FleetRequest, { timeline, signal }: RequestContext): Promise<Exchange> {
    this.asked.push(request);
    timeline.enter("prefill");
    const model = this.routerModel;
    return request.open({ server: this.#server, model, isRouter: model !== undefined }, signal);
  }
}

/** Runs a test against modeld's HTTP server, with a fake llama-server behind it: everything between is real but the queue. */
export async function withLlama(
  test: (server: TestServer & { readonly llama: FakeLlamaHttpServer; readonly one: OneServer }) => Promise<void>,
  options: Partial<HttpOptions> = {},
): Promise<void> {
  const llama = await FakeLlamaHttpServer.start();
  const connection = serverAt(llama.url);
  const one = new OneServer(connection);
  try {
    await withServer((server) => test({ ...server, llama, one }), { ...options, fleet: one });
  } finally {
    connection.close();
    await llama.close();
  }
}

/** Posts JSON as it stands. */
export function post(url: string, path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url + path, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body });
}
