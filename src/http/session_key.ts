/** Headers by which clients name a conversation. */
const SESSION_HEADERS = ["x-session-id", "x-session-affinity", "session-id", "x-openwebui-chat-id"];
const LONGEST_SESSION = 256;

/** What a client calls the conversation to which a request belongs, cut at 256 characters; undefined where it does not say. */
export function sessionKeyOf(headers: Headers): string | undefined {
  for (const name of SESSION_HEADERS) {
    const value = headers.get(name);
    if (value !== null && value !== "") return value.slice(0, LONGEST_SESSION);
  }
  return undefined;
}
