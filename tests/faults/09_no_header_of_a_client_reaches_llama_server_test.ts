import { assertEquals } from "@std/assert";
import { RawClient } from "./support/raw_client.ts";
import { playEach } from "./support/apis.ts";

/** What modeld or the HTTP client beneath it sets. */
const OWN = [
  "accept",
  "accept-encoding",
  "accept-language",
  "content-type",
  "host",
  "transfer-encoding",
  "user-agent",
  "x-request-id",
];

const ODD = [
  "Connection: keep-alive, X-Hop",
  "X-Hop: 1",
  "Keep-Alive: timeout=99",
  "TE: trailers",
  "Trailer: X-Checksum",
  "Upgrade: h2c",
  "Proxy-Authorization: Basic c2VjcmV0",
  "Proxy-Connection: keep-alive",
  "Authorization: Bearer client-secret",
  "Cookie: session=client-secret",
  "Forwarded: for=10.0.0.1",
  "X-Forwarded-For: 10.0.0.1",
  "X-Real-IP: 10.0.0.1",
  "Accept-Language: client-secret",
  "X-Api-Key: client-secret",
  "X-Conversation-Id: 7",
  "X-Odd!#$%&'*+-.^_`|~: odd",
  "X-Request-Id: the-clients-own-id",
].map((line) => `${line}\r\n`).join("");

Deno.test("no header of a client reaches llama-server, hop-by-hop, odd or secret", async () => {
  await playEach({ outcomes: { "ok stream": 1 }, posts: 1 }, async ({ llama, modeld, api }) => {
    using client = await RawClient.connect(modeld.url);
    await client.post(api.path, api.body("Once"), ODD);
    await client.until("\r\n0\r\n");
    const post = llama.posts.at(-1);
    const names = [...post?.headers.keys() ?? []];
    assertEquals(names.filter((name) => !OWN.includes(name)), []);
    assertEquals(post?.head.includes("client-secret"), false);
    assertEquals(post?.headers.get("host"), llama.url.host);
    assertEquals(post?.headers.get("x-request-id"), "the-clients-own-id");
  });
});
