/**
 * Runs a program to its end and gives what it printed.
 *
 * @throws Error that names the command when it fails; what it said is on stderr already
 */
export async function runTool(program: string, args: readonly string[], folder = "."): Promise<string> {
  const path = program === "deno" ? Deno.execPath() : program;
  const output = await new Deno.Command(path, { args: [...args], cwd: folder, stdin: "null", stderr: "inherit" })
    .output();
  if (!output.success) throw new Error(`exit code ${output.code}: ${program} ${args.join(" ")}`);
  return new TextDecoder().decode(output.stdout);
}
