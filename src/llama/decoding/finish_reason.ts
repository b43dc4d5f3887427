import { clip } from "../../clip.ts";

/** Native words for how a generation ended, and the OpenAI word that the public contract uses. */
const OPENAI_WORDS: ReadonlyMap<string, string> = new Map([
  ["eos", "stop"],
  ["word", "stop"],
  ["stopped_eos", "stop"],
  ["stopped_word", "stop"],
  ["limit", "length"],
  ["stopped_limit", "length"],
]);

/** The flags by which builds before `stop_type` said why they stopped. */
const STOPPED_FLAGS = ["stopped_eos", "stopped_word", "stopped_limit"] as const;

/** The public contract's word for llama-server's; a word that is not known stays as it was sent, clipped. */
export function finishReason(word: string): string {
  return OPENAI_WORDS.get(word) ?? clip(word);
}

/** Why a native generation stopped, from its last event; `stop` where that does not say. */
export function nativeFinishReason(event: Readonly<Record<string, unknown>>): string {
  const stopType = event["stop_type"];
  if (typeof stopType === "string" && stopType !== "") return finishReason(stopType);
  return finishReason(STOPPED_FLAGS.find((flag) => event[flag] === true) ?? "stop");
}
