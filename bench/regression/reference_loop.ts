/** The wire's shape, as in native/upstream.c. */
const EVENT = new TextEncoder().encode(
  `data: {"choices":[{"text":" token","index":0,"logprobs":null,"finish_reason":null}],"created":1795381132,` +
    `"model":"bench","system_fingerprint":"b11669","object":"text_completion","id":"chatcmpl-RUmHCzI2FS6wW2fULOZSMY0N"}\n\n`,
);
const END = new TextEncoder().encode(
  `data: {"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
);

/** What llama-server's answer looks like to `fetch`'s reader: a byte stream, one event a read. */
export function answer(tokens: number): Response {
  let left = tokens;
  return new Response(
    new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: 64 * 1024, // as fetch has it: a reader that brings no buffer gets a new one for each read
      pull(controller) {
        const event = left-- > 0 ? EVENT : END;
        const request = controller.byobRequest;
        if (!request?.view) throw new Error("autoAllocateChunkSize leaves no read without a buffer");
        new Uint8Array(request.view.buffer, request.view.byteOffset).set(event);
        request.respond(event.length);
        if (left < 0) controller.close();
      },
    }),
  );
}

/**
 * The least that a daemon could do with that answer: read into one buffer, parse each event, write a line. It never
 * changes, so what modeld takes longer than it tells how modeld's own path has changed, on any machine.
 */
export function referenceLoop(response: Response): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(16 * 1024);
  let content = "";
  return new ReadableStream({
    async pull(controller) {
      const { value } = await reader.read(new Uint8Array(buffer));
      if (value === undefined) return controller.close();
      buffer = value.buffer;
      const { choices: [{ text, finish_reason }] } = JSON.parse(
        decoder.decode(value).slice(6).split("\n\n", 1)[0] ?? "",
      );
      content += text;
      if (finish_reason === null) return controller.enqueue(encoder.encode(`{"token":${JSON.stringify(text)}}\n`));
      controller.enqueue(encoder.encode(`{"done":true,"content":${JSON.stringify(content)}}\n`));
      controller.close();
    },
  }, { highWaterMark: 0 });
}

/** The least that a daemon could do to pass that answer on: read into one buffer, and write a copy of what came. */
export function copyLoop(response: Response): ReadableStream<Uint8Array> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(4 * 1024);
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done) return controller.close();
      controller.enqueue(value.slice());
      buffer = value.buffer;
    },
  }, { highWaterMark: 0 });
}
