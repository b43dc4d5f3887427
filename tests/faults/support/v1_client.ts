/** A reply of `/v1`, read to its end or to where it broke. */
export interface V1Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Posts JSON, or bytes as they are, to a path of modeld on a connection of its own, and reads the answer to its end. */
export async function postV1(
  base: URL,
  path: string,
  body: unknown,
  options: {
    readonly signal?: AbortSignal;
    readonly onText?: (text: string) => void;
    /** Its `Content-Type`; empty: none. */
    readonly type?: string;
  } = {},
): Promise<V1Reply> {
  const { type = "application/json" } = options;
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const { status, headers, body: stream } = await fetch(new URL(path, base), {
    method: "POST",
    headers: type === "" ? {} : { "Content-Type": type },
    // Bytes: a text would bring a type of its own.
    body: body instanceof Uint8Array ? body as Uint8Array<ArrayBuffer> : new TextEncoder().encode(JSON.stringify(body)),
    signal: options.signal ?? null,
    client,
  });
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of stream ?? []) {
    text += decoder.decode(piece, { stream: true });
    options.onText?.(text);
  }
  return { status, headers, text };
}
