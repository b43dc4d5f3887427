import { assertEquals, assertThrows } from "@std/assert";
import { billOfMaterials, type LockFile, type ModuleGraph } from "../../tools/release/bill_of_materials.ts";

const project = { name: "modeld", version: "1.2.3" };
const graph: ModuleGraph = {
  modules: [
    { specifier: "file:///project/main.ts" },
    { specifier: "https://jsr.io/@std/cli/1.0.32/parse_args.ts" },
    { specifier: "npm:/used@1.0.0", npmPackage: "used@1.0.0" },
  ],
  npmPackages: {
    "used@1.0.0": { name: "used", version: "1.0.0", dependencies: ["@deep/er@2.0.0"] },
    "@deep/er@2.0.0": { name: "@deep/er", version: "2.0.0", dependencies: ["used@1.0.0"] },
    "unused@3.0.0": { name: "unused", version: "3.0.0", dependencies: [] },
  },
};
const lock: LockFile = {
  npm: { "used@1.0.0": { integrity: "sha512-AQI=" }, "@deep/er@2.0.0": { integrity: "sha512-/w==" } },
};

Deno.test("the bill of materials lists what the program reaches, and nothing else of the lock file", () => {
  assertEquals(billOfMaterials(project, graph, lock).components, [
    {
      type: "library",
      "bom-ref": "pkg:npm/%40jsr/std__cli@1.0.32",
      name: "@std/cli",
      version: "1.0.32",
      purl: "pkg:npm/%40jsr/std__cli@1.0.32",
    },
    {
      type: "library",
      "bom-ref": "pkg:npm/%40deep/er@2.0.0",
      name: "@deep/er",
      version: "2.0.0",
      purl: "pkg:npm/%40deep/er@2.0.0",
      hashes: [{ alg: "SHA-512", content: "ff" }],
    },
    {
      type: "library",
      "bom-ref": "pkg:npm/used@1.0.0",
      name: "used",
      version: "1.0.0",
      purl: "pkg:npm/used@1.0.0",
      hashes: [{ alg: "SHA-512", content: "0102" }],
    },
  ]);
});

Deno.test("a package without a pinned hash has no place in a release", () => {
  assertThrows(() => billOfMaterials(project, graph, { npm: {} }), Error, "is used, but neither in deno.lock");
});
