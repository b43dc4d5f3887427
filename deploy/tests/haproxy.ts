import { eventually } from "../../tests/support/eventually.ts";
import { listens } from "../../tests/support/ports.ts";
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";

const DOCUMENTED = new URL("../haproxy/haproxy.cfg", import.meta.url);

/** HAProxy with the documented configuration on a port of loopback, in front of these modelds; resolves when it listens. */
export async function startHaproxy(port: number, modelds: readonly URL[], folder: string): Promise<SpawnedProcess> {
  const servers = modelds.map(({ host }, i) => `    server modeld-${i + 1} ${host}\n`).join("");
  const config = (await Deno.readTextFile(DOCUMENTED))
    .replace("bind :8000", `bind 127.0.0.1:${port}`)
    .replace(/^ *server modeld-1 .*\n/m, servers);
  await Deno.writeTextFile(`${folder}/haproxy.cfg`, config);
  const process = new SpawnedProcess("haproxy", ["-db", "-f", `${folder}/haproxy.cfg`]);
  await eventually("HAProxy listens", () => listens(port));
  return process;
}
