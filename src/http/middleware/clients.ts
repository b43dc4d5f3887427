import { type Client, digestKey, plainClient } from "../../base/client.ts";
import { ModeldError } from "../../base/errors.ts";

/** Who may ask: the clients of the configuration, by their keys; without any, each remote address is a client. */
export class Clients {
  readonly #clients: () => readonly Client[];
  /** What `#byDigest` was made of. */
  #known: readonly Client[] = [];
  #byDigest: ReadonlyMap<string, Client> = new Map();

  /** @param clients the present ones */
  constructor(clients: () => readonly Client[]) {
    this.#clients = clients;
  }

  /** Whether a key is asked for. */
  get hasKeys(): boolean {
    return this.#clients().length > 0;
  }

  /**
   * Whose request it is.
   *
   * @param address of the client, without port
   * @throws ModeldError `unauthorized`
   */
  async identify(request: Request, address: string): Promise<Client> {
    const clients = this.#clients();
    if (clients.length === 0) return plainClient(address, []);
    const key = keyOf(request.headers);
    const client = key === undefined ? undefined : this.#index(clients).get(await digestKey(key));
    if (client === undefined) throw new ModeldError("unauthorized", "no valid API key");
    return client;
  }

  /** Looked up by digest, so that the time it takes says nothing about the keys. */
  #index(clients: readonly Client[]): ReadonlyMap<string, Client> {
    if (clients !== this.#known) {
      this.#known = clients;
      this.#byDigest = new Map(clients.flatMap((client) => client.digests.map((digest) => [digest, client] as const)));
    }
    return this.#byDigest;
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
