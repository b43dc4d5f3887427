import type { Draft } from "./draft.ts";
import { explainReadError } from "./paths.ts";

/** A certificate (and those above it) with its private key, both PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Reads certificate and key where they are set, and notes what is wrong with them. */
export async function takeTlsIdentity(draft: Draft): Promise<TlsIdentity | undefined> {
  const [certFile, keyFile] = [draft.value("tlsCertFile"), draft.value("tlsKeyFile")];
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    draft.problems.push("tls_cert_file and tls_key_file belong together: set both or neither");
    return undefined;
  }
  const read = await readTlsIdentity(certFile, keyFile);
  if (!("problem" in read)) return read;
  draft.report(read.file, read.file === "tlsCertFile" ? certFile : keyFile, read.problem);
  return undefined;
}

/** What is wrong with one of the two files. */
export interface TlsProblem {
  readonly file: "tlsCertFile" | "tlsKeyFile";
  readonly problem: string;
}

/** Reads a certificate and its key, and makes sure that they belong together. */
export async function readTlsIdentity(certFile: string, keyFile: string): Promise<TlsIdentity | TlsProblem> {
  const cert = await readText(certFile);
  if (typeof cert !== "string") return { file: "tlsCertFile", ...cert };
  const key = await readText(keyFile);
  if (typeof key !== "string") return { file: "tlsKeyFile", ...key };
  if (!cert.includes("-----BEGIN CERTIFICATE-----")) {
    return { file: "tlsCertFile", problem: "holds no certificate: PEM text with BEGIN CERTIFICATE is allowed" };
  }
  try {
    // Nothing is sent: a client, too, takes only a pair that fits.
    Deno.createHttpClient({ cert, key }).close();
    return { cert, key };
  } catch {
    // Deno's message is about its parser; what to do is the same whatever it says.
    return { file: "tlsKeyFile", problem: "holds no PEM key without passphrase that fits the certificate" };
  }
}

async function readText(path: string): Promise<string | { readonly problem: string }> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    return { problem: explainReadError(error) };
  }
}
