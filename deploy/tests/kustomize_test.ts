import { assert, assertEquals } from "@std/assert";
import { parseAllDocuments } from "yaml";

/** Leaves these tests out where there is no kubectl; they then say so. */
const LEFT_OUT = Deno.env.get("MODELD_WITHOUT_KUBECTL") !== undefined;
if (LEFT_OUT) console.log("NOT RUN: deploy/tests/kustomize_test.ts (MODELD_WITHOUT_KUBECTL is set)");

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

/** What `kubectl apply -k` would send. @throws Error that says what is missing, or what kubectl found. */
async function build(folder: string): Promise<readonly Manifest[]> {
  const args = ["kustomize", new URL(`../kubernetes/${folder}`, import.meta.url).pathname];
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("kubectl", { args }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("no kubectl: install it, or set MODELD_WITHOUT_KUBECTL=1 to leave this test out");
  }
  assert(output.success, new TextDecoder().decode(output.stderr));
  return parseAllDocuments(new TextDecoder().decode(output.stdout)).map((document) => document.toJS());
}

/** Each kind with the names of its manifests, without the hash that kustomize puts behind a generated one. */
function namesByKind(manifests: readonly Manifest[]): Record<string, string[]> {
  const names: Record<string, string[]> = {};
  for (const { kind, metadata } of manifests) (names[kind] ??= []).push(metadata.name.replace(/-[a-z0-9]{10}$/, ""));
  return names;
}

const ONE = {
  ConfigMap: ["modeld"],
  Deployment: ["modeld"],
  HorizontalPodAutoscaler: ["modeld"],
  NetworkPolicy: ["modeld"],
  PodMonitor: ["modeld"],
  Service: ["modeld"],
};

for (const folder of ["base", "overlays/gpu"]) {
  Deno.test({
    name: `kubectl builds kubernetes/${folder}: modeld beside one llama-server`,
    ignore: LEFT_OUT,
    fn: async () => assertEquals(namesByKind(await build(folder)), ONE),
  });
}

Deno.test({
  name: "kubectl builds kubernetes/overlays/fleet: one modeld, and the llama-servers that it finds by name",
  ignore: LEFT_OUT,
  fn: async () => {
    const manifests = await build("overlays/fleet");
    const names = namesByKind(manifests);
    const servers = Object.values(names).flat().filter((name) => name === "llama-server");
    assertEquals([names["Deployment"]?.toSorted(), servers.length], [["llama-server", "modeld"], 3]);
    const [config] = manifests.filter(({ kind }) => kind === "ConfigMap");
    const url = new URL(config?.data?.["LLAMA_URL"]?.replace("http+dns:", "http:") ?? "");
    const [service] = manifests.filter(({ kind, metadata }) => kind === "Service" && metadata.name === url.hostname);
    assert(service !== undefined, `no service ${url.hostname}`);
  },
});
