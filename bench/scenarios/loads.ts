import type { Random } from "../simulation/random.ts";
import type { Person } from "./client.ts";

/** What a load is given. */
export interface Stage {
  /** A new client of the front; the scenario's end closes it. */
  person(who: string): Person;
  readonly random: Random;
  /** Ends one of the servers without warning; does nothing where there is one. */
  killServer(): void;
  /** Small loads, to try the harness. */
  readonly quick: boolean;
}

/** What people do, and on how many servers it is measured. */
export interface Scenario {
  readonly title: string;
  /** With one: beside the bare server. With two: behind nginx `least_conn`. */
  readonly servers: readonly (1 | 2)[];
  run(stage: Stage): Promise<void>;
}

/** Slots of a server. */
export const SLOTS = 4;

/** The loads that people really have. A token of the model is a letter. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  chat: {
    title: "chat: three times as many conversations as slots, four turns each",
    servers: [1, 2],
    async run({ person, random, quick }) {
      const conversations = Array.from({ length: quick ? 4 : 3 * SLOTS }, async () => {
        const chatter = person("chat");
        let history = letters(random, 150);
        for (let turn = 0; turn < (quick ? 2 : 4); turn++) {
          await pause(random.next() * 2_000);
          history += letters(random, 60);
          history += (await chatter.ask(history, 24)).answer;
        }
      });
      await Promise.all(conversations);
    },
  },
  agent: {
    title: "agents: a shared prefix of 4,000 tokens (system prompt and tools), five steps each",
    servers: [1, 2],
    async run({ person, random, quick }) {
      const prefix = letters(random, quick ? 400 : 4_000);
      const agents = Array.from({ length: quick ? 2 : 4 }, async () => {
        const agent = person("agent");
        let history = prefix + letters(random, 50);
        for (let step = 0; step < (quick ? 2 : 5); step++) {
          history += (await agent.ask(history, 16)).answer + letters(random, 80);
          await pause(random.next() * 1_000);
        }
      });
      await Promise.all(agents);
    },
  },
  batch: {
    title: "a batch, all at once, beside three people who chat",
    servers: [1],
    async run({ person, random, quick }) {
      const sender = person("batch");
      const batch = Promise.all(
        Array.from({ length: quick ? 20 : 500 }, () => sender.ask(letters(random, 40), 8)),
      );
      let isDone = false;
      batch.finally(() => isDone = true);
      const people = Array.from({ length: 3 }, async () => {
        const chatter = person("chat");
        while (!isDone) {
          await chatter.ask(letters(random, 60), 16);
          await pause(500 + random.next() * 1_000);
        }
      });
      await Promise.all([batch, ...people]);
    },
  },
  burst: {
    title: "a burst of 50 after quiet",
    servers: [1],
    async run({ person, random, quick }) {
      await pause(quick ? 100 : 3_000);
      await Promise.all(Array.from({ length: quick ? 10 : 50 }, () => person("burst").ask(letters(random, 80), 16)));
    },
  },
  dying: {
    title: "one server of two dies under load",
    servers: [2],
    async run({ person, random, killServer, quick }) {
      let left = quick ? 12 : 80;
      const people = Array.from({ length: 2 * SLOTS }, async () => {
        const asker = person("chat");
        while (left-- > 0) {
          if (left === (quick ? 6 : 50)) killServer();
          await asker.ask(letters(random, 60), 24);
        }
      });
      await Promise.all(people);
    },
  },
};

function letters(random: Random, length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => 97 + Math.floor(random.next() * 26)));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
