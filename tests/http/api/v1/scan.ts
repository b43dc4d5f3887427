import { assert, assertEquals } from "@std/assert";
import { scanBody, type ScannedBody, type ScanOptions } from "../../../../src/http/api/v1/body_scanner.ts";
import type { BodyFault } from "../../../../src/http/api/v1/json_walker.ts";

const encoder = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The scan of a body as one line of a test has it: deep enough, no limit but what is given. */
export function scan(body: string | Uint8Array, options: Partial<ScanOptions> = {}): Promise<ScannedBody | BodyFault> {
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  return scanBody(bytes, { fields: [], maxDepth: 1_000, ...options });
}

export async function scanned(body: string | Uint8Array, options: Partial<ScanOptions> = {}): Promise<ScannedBody> {
  const result = await scan(body, options);
  assert(result.ok, result.ok ? "" : result.message);
  return result;
}

export async function assertRefused(
  body: string | Uint8Array,
  message: string,
  options: Partial<ScanOptions> = {},
): Promise<void> {
  const result = await scan(body, options);
  assertEquals(result.ok ? "accepted" : result.message, message);
}
