/**
 * A prototype for ADR 0071: Workers that share one port (`--unstable-net`), and one owner of the leases, here the main
 * thread. A request takes a lease by one message that is answered, and gives it back by another. What a request does in
 * between is what `bench/floor/copies_bytes.ts` does. Arguments: port, upstream's port, Workers (2).
 */
const SLOTS = 2_000;

/** From a Worker to the owner; the owner answers with the number of a request that has its lease. */
type Ask = { readonly take: number } | { readonly give: number };

interface WorkerScope {
  postMessage(ask: Ask): void;
  onmessage: ((event: MessageEvent<number>) => void) | null;
  readonly name: string;
}

if ("WorkerGlobalScope" in globalThis) serve(globalThis as unknown as WorkerScope);
else own();

function own(): void {
  const [port, upstreamPort, workers = "2"] = Deno.args;
  let free = SLOTS;
  const queue: (() => void)[] = [];
  for (let i = 0; i < Number(workers); i++) {
    const worker = new Worker(import.meta.url, { type: "module", name: `${port} ${upstreamPort}` });
    worker.onmessage = ({ data }: MessageEvent<Ask>) => {
      if ("take" in data) {
        queue.push(() => worker.postMessage(data.take));
      } else free++;
      for (; free > 0 && queue.length > 0; free--) queue.shift()?.();
    };
  }
}

function serve(scope: WorkerScope): void {
  const [port, upstreamPort] = scope.name.split(" ");
  const client = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 0 });
  const waiting = new Map<number, () => void>();
  let requests = 0;
  scope.onmessage = ({ data }) => {
    waiting.get(data)?.();
    waiting.delete(data);
  };
  Deno.serve({ hostname: "127.0.0.1", port: Number(port), reusePort: true, onListen() {} }, async (request) => {
    const { method, headers } = request;
    const sent = await request.bytes();
    const id = requests++;
    await new Promise<void>((resolve) => {
      waiting.set(id, resolve);
      scope.postMessage({ take: id });
    });
    const url = `http://127.0.0.1:${upstreamPort}${new URL(request.url).pathname}`;
    const answer = await fetch(url, { method, headers, body: sent, client });
    const reader = (answer.body ?? new Blob().stream()).getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(4096);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await reader.read(new Uint8Array(buffer));
        if (done) {
          scope.postMessage({ give: id });
          return controller.close();
        }
        buffer = value.buffer;
        controller.enqueue(value.slice());
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
}
