import type { Exchange } from "./raw_http_server.ts";

const reasons: Record<number, string> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

/** Status line and headers, with llama-server's own. */
export function head(status: number, headers: Record<string, string>): string {
  const lines = Object.entries({ Server: "llama.cpp", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reasons[status] ?? "Unknown"}\r\n${lines.join("")}\r\n`;
}

/** The head of a chunked event stream, as llama-server sends it. */
export const STREAM_HEAD = head(200, {
  "Content-Type": "text/event-stream",
  "Transfer-Encoding": "chunked",
  "Keep-Alive": "timeout=5, max=100",
});

/** The head of an event stream that ends when the connection does. */
export const CLOSE_DELIMITED_HEAD = head(200, { "Content-Type": "text/event-stream", "Connection": "close" });

/** One chunk of a chunked body; the text is ASCII or UTF-8. */
export function chunk(text: string): string {
  return `${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`;
}

/** What ends a chunked body. */
export const LAST_CHUNK = "0\r\n\r\n";

/** Answers with a JSON body; an error also ends the connection, as llama-server does. */
export async function replyJson(exchange: Exchange, status: number, body: unknown): Promise<void> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const length = String(new TextEncoder().encode(text).length);
  const connection: Record<string, string> = status < 400
    ? { "Keep-Alive": "timeout=5, max=100" }
    : { Connection: "close" };
  const type = "application/json; charset=utf-8";
  await exchange.send(head(status, { "Content-Type": type, "Content-Length": length, ...connection }) + text);
  if (status >= 400) await exchange.close();
}

/** Answers with a whole event stream, a chunk for each event, and then closes, as llama-server does. */
export async function replyStream(exchange: Exchange, stream: string): Promise<void> {
  const events = stream.split(/(?<=\n\n)/);
  await exchange.send(STREAM_HEAD + events.map(chunk).join("") + LAST_CHUNK);
  await exchange.close();
}
