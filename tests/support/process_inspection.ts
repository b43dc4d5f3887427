/**
 * What the kernel says of a process, through programs that read /proc: Deno itself reads it only with every permission there
 * is. Linux only.
 */

async function output(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** How many file descriptors a process has open. */
export async function openDescriptors(pid: number): Promise<number> {
  return (await output("ls", `/proc/${pid}/fd`)).trim().split("\n").length;
}

/** How much memory a process has resident, in MB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await output("cat", `/proc/${pid}/status`);
  return Number(status.match(/VmRSS:\s+(\d+) kB/)?.[1]) / 1024;
}

/** The ids of a process's children. */
export async function childrenOf(pid: number): Promise<number[]> {
  // Each thread has its own children; one that ends meanwhile has none.
  const script = 'test -d "/proc/$0" && { cat "/proc/$0/task/"*/children 2> /dev/null; true; }';
  const children = (await output("sh", "-c", script, String(pid))).trim();
  return children === "" ? [] : children.split(/\s+/).map(Number);
}

/** How many IPv4 sockets with one of these local or remote ports are in TIME_WAIT. */
export async function timeWaitSockets(ports: readonly number[]): Promise<number> {
  const hex = ports.map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
  const [, ...rows] = (await output("cat", "/proc/net/tcp")).trim().split("\n");
  return rows.filter((row) => {
    const [, local = "", remote = "", state] = row.trim().split(/\s+/);
    return state === "06" && [local, remote].some((end) => hex.includes(end.split(":")[1] ?? ""));
  }).length;
}
