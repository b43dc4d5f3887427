/** The signals that ask a program to stop; Windows has no SIGTERM. */
export const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/**
 * Runs a program in this terminal and resolves to its exit code (128 + number when a signal ended it). SIGTERM is passed
 * on. So is SIGINT, unless a terminal is attached: that one has sent it to the program already, and a second one means
 * "at once" to modeld.
 */
export async function runForwardingSignals(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = new Deno.Command(program, { args: [...args], env, stdin: "inherit" }).spawn();
  const interactive = [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
  const listeners: [Deno.Signal, () => void][] = STOP_SIGNALS.map((signal) => [signal, () => {
    if (signal === "SIGINT" && interactive) return;
    child.kill(signal);
  }]);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  const { code } = await child.status;
  for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  return code;
}
