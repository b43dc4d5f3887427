const executable = Deno.env.get("MODELD_BIN");

/** The version of Deno that the modeld under test runs on: this one, or that of the executable `MODELD_BIN`. */
const version = executable === undefined ? Deno.version.deno : await versionOf(executable);

/** Whether the modeld under test runs on an earlier Deno than this, such as `2.9`. */
export function isBefore(release: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args: ["--version"] }).output();
  return /^deno (\S+)$/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "";
}
