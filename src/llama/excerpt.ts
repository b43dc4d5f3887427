const LONGEST = 300;

/** As much of a server's text as belongs in a message. */
export function excerpt(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > LONGEST ? `${trimmed.slice(0, LONGEST)}...` : trimmed;
}
