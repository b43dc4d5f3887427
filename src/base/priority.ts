/** The classes of requests, the one that goes first in front. */
export const priorities = ["interactive", "default", "batch"] as const;

/** The class of a request. */
export type Priority = typeof priorities[number];

/** The class that a request gets that asks for one: never a higher one than its client has. */
export function atMost(own: Priority, asked: Priority | undefined): Priority {
  return asked !== undefined && priorities.indexOf(asked) > priorities.indexOf(own) ? asked : own;
}

/** The class of that name, or by OpenAI's `service_tier`; undefined for any other word. */
export function priorityOf(word: string | null | undefined): Priority | undefined {
  if (word === "flex") return "batch";
  if (word === "priority") return "interactive";
  return priorities.find((priority) => priority === word);
}
