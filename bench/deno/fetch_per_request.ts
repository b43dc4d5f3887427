/**
 * What one `fetch` costs, beside the same exchange over a plain TCP connection: `deno run -A fetch_per_request.ts`. The
 * upstream is another process and closes each connection after its answer where asked to, as llama-server does. CPU is
 * this process's alone.
 */
import process from "node:process";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n";
const ROUNDS = 7;
const REQUESTS = 2_000;
const AT_ONCE = 10;

if (Deno.args[0] === "upstream") await serve();
else await compare();

/** Answers "ok" on every connection, once or again and again as the path says; prints its port. */
async function serve(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  for await (const connection of listener) answer(connection).catch(() => connection.close());
}

async function answer(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let read; (read = await connection.read(buffer)) !== null;) {
    const keeps = new TextDecoder().decode(buffer.subarray(0, read)).startsWith("GET /kept");
    await connection.write(new TextEncoder().encode(`${ANSWER}${keeps ? "" : "Connection: close\r\n"}\r\nok`));
    if (!keeps) return connection.close();
  }
}

async function compare(): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.url, "upstream"],
    stdout: "piped",
  });
  await using upstream = command.spawn();
  const { value } = await upstream.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  const port = Number(value);
  using kept = Deno.createHttpClient({ http2: false });
  using fresh = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0 });
  const ways: Record<string, () => Promise<unknown>> = {
    "TCP, a connection each": () => overTcp(port),
    "fetch, a connection each": async () =>
      await (await fetch(`http://127.0.0.1:${port}/once`, { client: fresh })).text(),
    "fetch, kept connections": async () =>
      await (await fetch(`http://127.0.0.1:${port}/kept`, { client: kept })).text(),
  };
  const best = new Map(Object.keys(ways).map((name) => [name, Infinity]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, ask] of Object.entries(ways)) {
      const before = process.cpuUsage();
      for (let left = REQUESTS; left > 0; left -= AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, ask));
      const { user, system } = process.cpuUsage(before);
      best.set(name, Math.min(best.get(name) ?? Infinity, (user + system) / REQUESTS));
    }
  }
  for (const [name, cpu] of best) console.log(`${name}: ${cpu.toFixed(0)} µs of CPU each`);
  upstream.kill();
}

async function overTcp(port: number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode("GET /once HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  const buffer = new Uint8Array(4096);
  while (await connection.read(buffer) !== null);
}
