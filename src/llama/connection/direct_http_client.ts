/**
 * Makes an HTTP client that goes straight to `url`, whatever `HTTP_PROXY` and its like say. Deno reads `NO_PROXY` when a
 * client is made and has no option of its own (a `tcp` proxy sends absolute-form requests, and `https` in the clear), so
 * the variable names this one host for that moment. Without permission for the variable it stays as it is.
 */
export function createDirectHttpClient(url: URL, options: Deno.CreateHttpClientOptions): Deno.HttpClient {
  if (Deno.permissions.querySync({ name: "env", variable: NO_PROXY }).state !== "granted") {
    return Deno.createHttpClient(options);
  }
  const before = Deno.env.get(NO_PROXY);
  Deno.env.set(NO_PROXY, url.hostname.replace(/^\[|\]$/g, ""));
  try {
    return Deno.createHttpClient(options);
  } finally {
    if (before === undefined) Deno.env.delete(NO_PROXY);
    else Deno.env.set(NO_PROXY, before);
  }
}

const NO_PROXY = "NO_PROXY";
