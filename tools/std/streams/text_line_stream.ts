/** Options of {@linkcode TextLineStream}. */
export interface TextLineStreamOptions {
  /** Let a CR alone end a line too. */
  allowCR?: boolean;
}

/** Turns chunks of text into lines, without their ends (LF or CRLF). A last line without an end counts. */
export class TextLineStream extends TransformStream<string, string> {
  constructor(options: TextLineStreamOptions = {}) {
    // A CR at the very end of a chunk may be half of a CRLF: it is left for the next one.
    const lineEnd = options.allowCR ? /\r\n|\n|\r(?!$)/ : /\r?\n/;
    let pending = "";
    super({
      transform(chunk, controller) {
        const lines = (pending + chunk).split(lineEnd);
        pending = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
      flush(controller) {
        if (pending) controller.enqueue(options.allowCR ? pending.replace(/\r$/, "") : pending);
      },
    });
  }
}
