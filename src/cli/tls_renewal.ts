import type { Clock, Timer } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { readTlsIdentity, type TlsIdentity } from "../config/tls_identity.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("serve");

/** How often the files are read, in ms. */
const INTERVAL_MS = 60_000;

/**
 * Reads certificate and key again every minute, and hands them on when they have changed and fit together. A pair that does
 * not (yet) is a warning, once, and the old one stays.
 *
 * @returns ends it
 */
export function watchTlsFiles(
  { settings, tls }: Pick<Configuration, "settings" | "tls">,
  onChange: (identity: TlsIdentity) => void,
  clock: Clock,
): () => void {
  const { tlsCertFile, tlsKeyFile } = settings;
  if (tls === undefined || tlsCertFile === undefined || tlsKeyFile === undefined) return () => {};
  let current = tls;
  let lastProblem: string | undefined;
  let stopped = false;
  let timer: Timer;
  const look = async (): Promise<void> => {
    const read = await readTlsIdentity(tlsCertFile, tlsKeyFile);
    if (stopped) return;
    if ("problem" in read) {
      const { file, problem } = read;
      if (problem !== lastProblem) log.warn("the certificate cannot be renewed, the old one stays", { file, problem });
      lastProblem = problem;
    } else {
      lastProblem = undefined;
      if (read.cert !== current.cert || read.key !== current.key) {
        current = read;
        log.info("the certificate has changed; new connections get the new one");
        onChange(read);
      }
    }
    timer = clock.after(INTERVAL_MS, look);
  };
  timer = clock.after(INTERVAL_MS, look);
  return () => {
    stopped = true;
    timer.clear();
  };
}
