import { assertEquals } from "@std/assert";
import { generatedFiles } from "../../tools/docs/generated_files.ts";

for (const { path, render } of generatedFiles) {
  Deno.test(`${path} is what the code says (deno task docs writes it)`, async () => {
    const text = await Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
    assertEquals(render(text), text);
  });
}
