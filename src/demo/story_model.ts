/** The model's name, as requests may name it. */
export const storyModel = "story";

/** Where the model lies: beside this file, and in the executable beside the script that this file is in. */
export const storyModelUrl = new URL("story.gguf", import.meta.url);

/** Reads the model that tells stories. */
export async function readStoryModel(): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(storyModelUrl);
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
