/** Whose requests a reader sees and may cancel. */
export interface Viewer {
  /** The client's name. */
  readonly client: string;
  /** Whether it may see and cancel other clients' requests. */
  readonly isAdmin: boolean;
  /** Whether modeld has keys. Without them nobody can be told from another: all see everything, and nobody cancels. */
  readonly hasKeys: boolean;
}

/** Whether the viewer is shown the requests of this client. */
export function maySee({ client, isAdmin, hasKeys }: Viewer, owner: string): boolean {
  return !hasKeys || isAdmin || client === owner;
}

/** Whether the viewer may cancel the requests of this client. */
export function mayCancel({ client, isAdmin, hasKeys }: Viewer, owner: string): boolean {
  return hasKeys && (isAdmin || client === owner);
}
