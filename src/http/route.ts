/** What the server knows of a request beside the request itself. */
export interface RequestContext {
  /** The client's `X-Request-Id`, or one that modeld made. */
  readonly requestId: string;
  /** The client's address, without port. */
  readonly remoteAddress: string;
}

/** One path of the public API. A GET route answers HEAD too. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** @throws ModeldError that is sent as the JSON error. */
  handle(request: Request, context: RequestContext): Response | Promise<Response>;
}
