/** What a client may send as `X-Request-Id`: it is logged, returned and sent on, so it is short and printable. */
const ACCEPTABLE = /^[\x21-\x7e]{1,128}$/;

/** The client's `X-Request-Id` where it is acceptable, else a new one. */
export function requestIdOf(request: Request): string {
  const sent = request.headers.get("x-request-id");
  return sent !== null && ACCEPTABLE.test(sent) ? sent : crypto.randomUUID();
}
