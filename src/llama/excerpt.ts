import { clip } from "../clip.ts";

const LONGEST = 300;

/** As much of a server's text as belongs in a message. */
export function excerpt(text: string): string {
  return clip(text.trim(), LONGEST);
}
