import { Fingerprint } from "../../../src/dispatch/affinity/fingerprint.ts";

/** A fingerprint of a prompt that has each of these texts as a segment. */
export function fingerprint(texts: readonly string[], sessionKey?: string): Fingerprint {
  return new Fingerprint(
    texts.map((text) => {
      const bytes = new TextEncoder().encode(text);
      return { bytes, start: 0, end: bytes.length };
    }),
    sessionKey,
  );
}

/** The hashes of all blocks of a fingerprint. */
export function hashes(prompt: Fingerprint): string[] {
  return Array.from({ length: prompt.count }, (_, i) => `${prompt.high(i)} ${prompt.low(i)}`);
}

/** How many first blocks two prompts share. */
export function shared(a: Fingerprint, b: Fingerprint): number {
  const [ofA, ofB] = [hashes(a), hashes(b)];
  const differs = ofA.findIndex((hash, i) => hash !== ofB[i]);
  return differs < 0 ? ofA.length : differs;
}
