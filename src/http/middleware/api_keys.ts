import { ModeldError } from "../../base/errors.ts";

const utf8 = new TextEncoder();

/** The keys that clients may use. Keeps their SHA-256 only. */
export class ApiKeys {
  readonly #digests: Promise<readonly Uint8Array[]>;

  constructor(keys: readonly string[]) {
    this.#digests = Promise.all(keys.map(digest));
  }

  /**
   * Which key the request carries, as its place in the list.
   *
   * @throws ModeldError `unauthorized`
   */
  async check(request: Request): Promise<number> {
    const key = keyOf(request.headers);
    const presented = await digest(key ?? "");
    let found = -1;
    // All are compared, and all in full, so that the time it takes tells nothing about the keys.
    for (const [index, known] of (await this.#digests).entries()) {
      if (equalInConstantTime(known, presented)) found = index;
    }
    if (found === -1) throw new ModeldError("unauthorized", "no valid API key");
    return found;
  }
}

/** The key as OpenAI's clients send it, else as Anthropic's do. */
function keyOf(headers: Headers): string | undefined {
  const authorization = headers.get("authorization");
  const key = headers.get("x-api-key");
  if (authorization !== null) return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (key !== null) return key;
  throw new ModeldError("unauthorized", "an API key is required: send it as Authorization: Bearer <key>, or x-api-key");
}

async function digest(key: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", utf8.encode(key)));
}

/** Whether two digests of the same length are equal. */
function equalInConstantTime(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
