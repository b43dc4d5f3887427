import process from "node:process";

/** How often it is looked whether npx is still there, in ms. */
const INTERVAL = 250;

/** Prints the id and command line of each process above this one's, nearest first; a bare Debian has no `ps`. */
const ANCESTORS = `pid=$PPID
while [ "\${pid:-0}" -gt 1 ]; do
  if [ -r /proc/$pid/status ]; then
    echo $pid $(tr '\\0' ' ' </proc/$pid/cmdline)
    pid=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$pid/status)
  else
    echo $(ps -o pid= -o args= -p $pid)
    pid=$(echo $(ps -o ppid= -p $pid))
  fi
done`;

/**
 * Calls back once the npx that this process runs under is gone. A signal to npx ends npx and the shell that it starts, and
 * that shell passes nothing on: what it had started would run on, and listen, for ever.
 */
export async function whenNpxIsGone(callback: () => void): Promise<Disposable> {
  const npx = Deno.env.get("npm_command") === "exec" && Deno.build.os !== "windows" ? await npxAbove() : undefined;
  const timer = npx === undefined ? undefined : setInterval(() => {
    if (isRunning(npx)) return;
    clearInterval(timer);
    callback();
  }, INTERVAL);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The id of the nearest npx or npm above; undefined where there is none, or where nobody can tell. */
async function npxAbove(): Promise<number | undefined> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", ANCESTORS], stderr: "null" }).output();
  const line = new TextDecoder().decode(stdout).split("\n").find((line) => /^\d+ (\S*\/)?(npm|npx)\b/.test(line));
  return line === undefined ? undefined : parseInt(line);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ESRCH") return false;
    throw error;
  }
}
