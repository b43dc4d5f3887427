/** The model's name, as requests may name it. */
export const storyModel = "story";

/** Reads the model that tells stories: it lies beside this file, and in the executable. */
export async function readStoryModel(): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(new URL("story.gguf", import.meta.url));
}

/**
 * What the model reads of a conversation: the last message, on a line of its own. The chat template in the file says the
 * same to llama-server.
 *
 * @param contents the texts of the messages, at least one.
 */
export function renderChat(contents: readonly string[]): string {
  return `${contents[contents.length - 1] ?? ""}\n`;
}
