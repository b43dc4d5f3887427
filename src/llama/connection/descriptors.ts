/** "Too many open files", of the process or of the machine, as Linux and macOS number it and as Windows does. */
const NONE_LEFT = /\(os error (24|23|10024)\)/;

/** Whether the text of an error says that this process can open no more connections. */
export function saysNoDescriptorLeft(text: string): boolean {
  return NONE_LEFT.test(text);
}

/** Whether this process can open no more connections, now: found out by opening a socket that nobody uses. */
export function noDescriptorLeft(): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port: 0 }).close();
    return false;
  } catch (error) {
    return error instanceof Error && saysNoDescriptorLeft(error.message);
  }
}
