import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";

const FOLDER = new URL("../../.github/workflows/", import.meta.url);

for (const name of ["ci.yml", "nightly.yml", "release.yml"]) {
  const text = await Deno.readTextFile(new URL(name, FOLDER));

  Deno.test(`${name} pins every action to a commit and says which version that is`, () => {
    const uses = text.split("\n").filter((line) => line.includes("uses:"));
    assert(uses.length > 0);
    for (const line of uses) assert(/uses: [\w./-]+@[0-9a-f]{40} # v[\d.]+$/.test(line), line);
  });

  Deno.test(`${name} grants nothing but reading by default`, () => {
    assertEquals(parse(text).permissions, { contents: "read" });
  });
}
