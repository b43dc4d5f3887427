/**
 * What a chunk costs that JavaScript writes into a response's body, beside one that goes from `fetch` to `Deno.serve`
 * without JavaScript: `deno run -A response_body.ts`. Upstream and client are this process; CPU is the proxy's alone, from
 * /proc (Linux).
 */
const STREAMS = 50;
const CHUNKS = 200;
const INTERVAL_MS = 10;
const ROUNDS = 5;

const [mode, upstreamPort] = Deno.args;
if (mode !== undefined) proxy(mode, Number(upstreamPort));
else await compare();

function proxy(mode: string, upstream: number): void {
  Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: ({ port }) => console.log(port) }, async () => {
    const { body } = await fetch(`http://127.0.0.1:${upstream}/`);
    return new Response(mode === "native" || body === null ? body : copied(body));
  });
}

function copied(body: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array> {
  const reader = body.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(4096);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) return controller.close();
      buffer = value.buffer;
      controller.enqueue(value.slice());
    },
  }, { highWaterMark: 0 });
}

async function compare(): Promise<void> {
  await using upstream = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response(paced()));
  const modes = ["native", "copied"];
  const proxies = modes.map((name) => {
    const args = ["run", "-A", import.meta.url, name, String(upstream.addr.port)];
    return new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  });
  const ports = await Promise.all(
    proxies.map(async ({ stdout }) =>
      (await stdout.pipeThrough(new TextDecoderStream()).getReader().read()).value?.trim()
    ),
  );
  const best = modes.map(() => Infinity);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { pid }] of proxies.entries()) {
      const before = cpuMs(pid);
      await Promise.all(Array.from({ length: STREAMS }, () => fetch(`http://127.0.0.1:${ports[i]}/`).then(drain)));
      const cpu = (cpuMs(pid) - before) * 1_000 / (STREAMS * CHUNKS);
      if (round > 0) best[i] = Math.min(best[i] ?? Infinity, cpu); // the first round warms up
    }
  }
  for (const [i, name] of modes.entries()) console.log(`${name}: ${best[i]?.toFixed(1)} µs of CPU a chunk`);
  for (const child of proxies) child.kill();
}

/** One small chunk each 10 ms. */
function paced(): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(250);
  let left = CHUNKS;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
      controller.enqueue(chunk);
      if (--left === 0) controller.close();
    },
  }, { highWaterMark: 0 });
}

async function drain({ body }: Response): Promise<void> {
  for await (const _ of body ?? []);
}

function cpuMs(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
