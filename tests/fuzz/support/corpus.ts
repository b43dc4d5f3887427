import {
  chatEnd,
  chatStart,
  chatStream,
  chatToken,
  completionStream,
  nativeEnd,
  nativeStream,
  nativeToken,
  sse,
  SSE_DONE,
  SSE_PING,
} from "../../support/wire_streams.ts";

const RECORDINGS = new URL("../../llama/recordings/", import.meta.url);
const TOKENS = [" ü€𝄞", "."];
const tokens = TOKENS.map((text) => nativeToken(text)).join("");

/** Streams as several builds of llama-server shape them. */
const SHAPES = [
  completionStream(TOKENS),
  chatStream(TOKENS),
  nativeStream(TOKENS),
  // Usage was not sent unless asked for, and roles came with every fragment.
  chatStart() + TOKENS.map(chatToken).join("") + chatEnd("length") + SSE_DONE,
  // Before stop_type there were three flags.
  tokens +
  nativeEnd("", undefined, { stop_type: undefined, stopped_eos: true, stopped_word: false, stopped_limit: false }),
  tokens +
  nativeEnd("", undefined, { stop_type: undefined, stopped_eos: false, stopped_word: false, stopped_limit: true }),
  // A line of JSON for each fragment, and pings.
  nativeStream(TOKENS).replaceAll("data: ", "").replaceAll("\n\n", "\n"),
  completionStream(TOKENS).replaceAll("\n\n", `\n\n${SSE_PING}`),
  // Failures mid-stream: of today, of older builds, of a router.
  tokens + sse({ error: { code: 500, message: "boom", type: "server_error" } }),
  tokens + 'error: {"code":500,"message":"boom","type":"server_error"}\n\n',
  tokens + "proxy error: Failed to read connection",
];

/** Streams to spoil: recorded ones, and the shapes above with LF, CRLF and CR. */
export async function corpus(): Promise<Uint8Array[]> {
  const utf8 = new TextEncoder();
  const all = ["\n", "\r\n", "\r"].flatMap((end) => SHAPES.map((text) => utf8.encode(text.replaceAll("\n", end))));
  for await (const { name } of Deno.readDir(RECORDINGS)) {
    if (name.endsWith(".sse")) all.push(await Deno.readFile(new URL(name, RECORDINGS)));
  }
  return all;
}
