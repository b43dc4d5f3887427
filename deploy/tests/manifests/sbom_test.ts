import { assertEquals } from "assertions";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { billOfMaterials } from "../../../tools/release/bill_of_materials.ts";

Deno.test("the bill of materials satisfies the CycloneDX 1.6 schema", async () => {
  const bill = billOfMaterials(
    { name: "modeld", version: "1.2.3" },
    {
      modules: [
        { specifier: "https://jsr.io/@std/cli/1.0.32/parse_args.ts" },
        { specifier: "npm:/used@1.0.0", npmPackage: "used@1.0.0" },
      ],
      npmPackages: { "used@1.0.0": { name: "used", version: "1.0.0", dependencies: [] } },
    },
    { npm: { "used@1.0.0": { integrity: `sha512-${"A".repeat(86)}==` } } },
  );
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  assertEquals(await validator.validate(JSON.stringify(bill)), null);
  assertEquals(await validator.validate(JSON.stringify({ ...bill, version: "one" })) === null, false);
});
