/** The part of `deno info --json` that matters here. */
export interface ModuleGraph {
  readonly modules: readonly { readonly specifier: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

/** The part of deno.lock that matters here. */
export interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity?: string }>>;
}

/** One dependency, as CycloneDX 1.6 has it. */
export interface Component {
  readonly type: "library";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: "SHA-512"; readonly content: string }[];
}

/** A CycloneDX 1.6 document. */
export interface BillOfMaterials {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly version: 1;
  readonly metadata: {
    readonly component: { readonly type: "application"; readonly "bom-ref": string; name: string; version: string };
  };
  readonly components: readonly Component[];
}

/** Lists every package that the graph reaches, with the hash that the lock file pins it to. */
export function billOfMaterials(
  project: { readonly name: string; readonly version: string },
  graph: ModuleGraph,
  lock: LockFile,
): BillOfMaterials {
  const { name, version } = project;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": `${name}@${version}`, name, version } },
    components: [...jsrComponents(graph), ...npmComponents(graph, lock)],
  };
}

function jsrComponents(graph: ModuleGraph): Component[] {
  const packages = new Map<string, { name: string; version: string }>();
  for (const { specifier } of graph.modules) {
    const [, name, version] = specifier.match(/^https:\/\/jsr\.io\/(@[^/]+\/[^/]+)\/([^/]+)\//) ?? [];
    if (name !== undefined && version !== undefined) packages.set(name, { name, version });
  }
  // Package URLs know no JSR; @jsr/scope__name is the name that JSR itself gives the package in npm's terms.
  return [...packages.values()].map(({ name, version }) =>
    component(name, version, `pkg:npm/%40jsr/${name.slice(1).replace("/", "__")}@${version}`)
  );
}

function npmComponents(graph: ModuleGraph, lock: LockFile): Component[] {
  const reached = new Set<string>();
  const reach = (id: string): void => {
    if (reached.has(id)) return;
    reached.add(id);
    graph.npmPackages[id]?.dependencies.forEach(reach);
  };
  for (const { npmPackage } of graph.modules) if (npmPackage !== undefined) reach(npmPackage);
  return [...reached].sort().map((id) => {
    const { name, version } = graph.npmPackages[id] ?? fail(id);
    const integrity = lock.npm[id]?.integrity ?? fail(id);
    return component(name, version, `pkg:npm/${name.replace("@", "%40")}@${version}`, integrity);
  });
}

function component(name: string, version: string, purl: string, integrity?: string): Component {
  const hashes = integrity === undefined ? {} : { hashes: [{ alg: "SHA-512", content: sha512(integrity) } as const] };
  return { type: "library", "bom-ref": purl, name, version, purl, ...hashes };
}

function sha512(integrity: string): string {
  return Uint8Array.fromBase64(integrity.replace(/^sha512-/, "")).toHex();
}

function fail(id: string): never {
  throw new Error(
    `${id} is used, but neither in deno.lock nor in the graph: run "deno task test" once and commit deno.lock`,
  );
}
