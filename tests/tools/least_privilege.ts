/** What `permission_probe.ts` prints where modeld's permissions hold. */
export const LEAST_PRIVILEGE: Readonly<Record<string, boolean>> = {
  run: false,
  write: false,
  remove: false,
  sys: false,
  ffi: false,
  foreignEnv: false,
  everyEnv: false,
  ownEnv: true,
  read: true,
  net: true,
};
