/** The classes of requests, the one that goes first in front. */
export const priorities = ["interactive", "default", "batch"] as const;

/** The class of a request. */
export type Priority = typeof priorities[number];
