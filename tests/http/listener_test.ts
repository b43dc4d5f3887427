import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { Listener, type ListenerOptions } from "../../src/http/listener.ts";
import { FakeClock } from "../support/fake_clock.ts";

const pem = (name: string) => Deno.readTextFileSync(new URL(`../llama/tls/${name}.pem`, import.meta.url));
const identity = { cert: pem("server"), key: pem("server_key") };

function listen(options: Partial<ListenerOptions> = {}): Listener {
  return new Listener({
    addr: { hostname: "127.0.0.1", port: 0 },
    handler: () => Promise.resolve(new Response("ok")),
    onError: () => new Response("error"),
    onLost: () => {},
    clock: systemClock,
    ...options,
  });
}

Deno.test("with another certificate, replies that have begun go on, and new connections get the new one", async () => {
  const proceed = Promise.withResolvers<void>();
  const listener = listen({
    handler: async (request) => {
      if (request.url.endsWith("/slow")) {
        const stream = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
        const writer = stream.writable.getWriter();
        writer.write(new Uint8Array([111]));
        proceed.promise.then(() => writer.write(new Uint8Array([107]))).then(() => writer.close());
        return await Promise.resolve(new Response(stream.readable));
      }
      return new Response("ok");
    },
  });
  const { port } = listener.addr;
  const plain = await fetch(`http://127.0.0.1:${port}/slow`);
  listener.renew(identity);
  using client = Deno.createHttpClient({ caCerts: [pem("ca")], poolMaxIdlePerHost: 0 });
  const secure = () => fetch(`https://127.0.0.1:${port}/`, { client }).then((reply) => reply.text());
  const answered = Promise.withResolvers<string>();
  const attempt = (): void => void secure().then(answered.resolve, () => setTimeout(attempt, 1));
  attempt();
  assertEquals(await answered.promise, "ok");
  proceed.resolve();
  assertEquals(await plain.text(), "ok");
  await listener.shutdown();
  await assertRejects(() => secure(), TypeError);
});

Deno.test("an address that cannot be had again for a second is lost, once", async () => {
  const clock = new FakeClock();
  let lost = 0;
  const listener = listen({ clock, onLost: () => lost++ });
  const { port } = listener.addr;
  // Deno frees the address a moment after it was told to; until then, this listens in its place.
  listener.renew(identity);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const other = Deno.listen({ hostname: "127.0.0.1", port });
  await clock.tick(999);
  assertEquals([lost, clock.pendingTimers], [0, 1]);
  await clock.tick(200);
  assertEquals([lost, clock.pendingTimers], [1, 0]);
  other.close();
  await listener.shutdown();
});
