import { generatedFiles } from "./generated_files.ts";

// Writes every page and file that is made from the code. A test fails when one of them is stale.
for (const { path, render } of generatedFiles) {
  const url = new URL(`../../${path}`, import.meta.url);
  const before = await Deno.readTextFile(url).catch(() => "");
  const after = render(before);
  if (after === before) continue;
  await Deno.writeTextFile(url, after);
  console.log(`wrote ${path}`);
}
