import * as wire from "./wire_streams.ts";

/** What llama-server puts on the wire for one API of `/v1`, and how modeld says in it that a stream failed. */
export interface V1Wire {
  readonly path: string;
  /** A body that asks for a stream. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What comes before the first token. */
  readonly start: string;
  token(text: string): string;
  /** A whole stream of these tokens. */
  stream(tokens: readonly string[]): string;
  /** What the last event of a stream that failed begins with. */
  readonly errorEvent: string;
  /** What only a whole stream has. */
  readonly terminal: string;
}

const messages = [{ role: "user", content: "Once" }];

/** The APIs whose streams modeld passes on. */
export const V1_WIRES: readonly V1Wire[] = [
  {
    path: "/v1/chat/completions",
    body: { messages, stream: true },
    start: wire.chatStart(),
    token: wire.chatToken,
    stream: wire.chatStream,
    errorEvent: 'data: {"error":{"message":',
    terminal: "[DONE]",
  },
  {
    path: "/v1/completions",
    body: { prompt: "Once", stream: true },
    start: "",
    token: wire.completionToken,
    stream: wire.completionStream,
    errorEvent: 'data: {"error":{"message":',
    terminal: "[DONE]",
  },
  {
    path: "/v1/messages",
    body: { messages, max_tokens: 64, stream: true },
    start: wire.messagesStart(),
    token: wire.messagesToken,
    stream: wire.messagesStream,
    errorEvent: 'event: error\ndata: {"type":"error","error":{"type":',
    terminal: "message_stop",
  },
  {
    path: "/v1/responses",
    body: { input: "Once", stream: true },
    start: wire.responsesStart(),
    token: wire.responsesToken,
    stream: wire.responsesStream,
    errorEvent: 'event: error\ndata: {"type":"error","code":',
    terminal: "response.completed",
  },
  {
    path: "/completion",
    body: { prompt: "Once", stream: true },
    start: "",
    token: wire.nativeToken,
    stream: wire.nativeStream,
    errorEvent: 'data: {"error":{"message":',
    terminal: '"stop":true',
  },
];
