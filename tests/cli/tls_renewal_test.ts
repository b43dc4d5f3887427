import { assertEquals } from "@std/assert";
import { watchTlsFiles } from "../../src/cli/tls_renewal.ts";
import type { Settings } from "../../src/config/settings_table.ts";
import type { TlsIdentity } from "../../src/config/tls_identity.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { eventually } from "../support/eventually.ts";

const pem = (name: string) => Deno.readTextFileSync(new URL(`../llama/tls/${name}.pem`, import.meta.url));

Deno.test("a changed pair is handed on once, a pair that does not fit is not, and nothing is left when it ends", async () => {
  const folder = await Deno.makeTempDir({ prefix: "edge-" });
  const [tlsCertFile, tlsKeyFile] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  await Deno.writeTextFile(tlsCertFile, pem("server"));
  await Deno.writeTextFile(tlsKeyFile, pem("server_key"));
  const clock = new FakeClock();
  const changes: TlsIdentity[] = [];
  const settings = { tlsCertFile, tlsKeyFile } as Settings;
  const tls = { cert: pem("server"), key: pem("server_key") };
  const stop = watchTlsFiles({ settings, tls }, (identity) => changes.push(identity), clock);
  const nextLook = async () => {
    clock.advance(60_000);
    await eventually("the files have been read", () => clock.pendingTimers === 1);
  };

  await nextLook();
  assertEquals(changes.length, 0);
  await Deno.writeTextFile(tlsCertFile, "half a cert");
  await nextLook();
  assertEquals(changes.length, 0);
  const renewed = `${pem("server")}${pem("ca")}`;
  await Deno.writeTextFile(tlsCertFile, renewed);
  await nextLook();
  await nextLook();
  assertEquals(changes, [{ cert: renewed, key: pem("server_key") }]);
  stop();
  assertEquals(clock.pendingTimers, 0);
  await Deno.remove(folder, { recursive: true });
});
