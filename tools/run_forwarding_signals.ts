/** The signals that ask a program to stop; Windows has no SIGTERM. */
export const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** What a program is run with. */
interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Once aborted, the program gets a SIGTERM, unless a signal has asked it to stop already. */
  readonly stop: AbortSignal;
}

/**
 * Runs a program in this terminal and resolves to its exit code (128 + number when a signal ended it). SIGTERM is passed
 * on. So is SIGINT, unless a terminal is attached: that one has sent it to the program already, and a second one means
 * "at once" to modeld.
 */
export async function runForwardingSignals(
  program: string,
  args: readonly string[],
  { env, stop }: RunOptions,
): Promise<number> {
  const child = new Deno.Command(program, { args: [...args], env, stdin: "inherit" }).spawn();
  const interactive = [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
  let asked = false;
  const listeners: [Deno.Signal, () => void][] = STOP_SIGNALS.map((signal) => [signal, () => {
    asked = true;
    if (signal === "SIGINT" && interactive) return;
    child.kill(signal);
  }]);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  const stopped = () => {
    if (!asked) child.kill("SIGTERM");
  };
  stop.addEventListener("abort", stopped);
  const { code } = await child.status;
  stop.removeEventListener("abort", stopped);
  for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  return code;
}
