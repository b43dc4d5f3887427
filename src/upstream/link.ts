import type { Clock } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import type { LlamaServer } from "../llama/llama_server.ts";
import { getLogger } from "../telemetry/log.ts";
import { ServerCalls } from "./calls.ts";
import type { ServerCommand, ServerEvent } from "./lifecycle.ts";
import type { ModelFiles } from "./model_files.ts";
import { Poller } from "./poller.ts";

/** llama-server has this long to accept a load or an unload, or to say what a model can take, in ms. */
const CALL_TIMEOUT = 30_000;

/** Between two questions how many slots are busy, in ms. */
const BUSY_PAUSE = 100;

/** llama-server has this long to say how many slots are busy, in ms. */
const BUSY_TIMEOUT = 2_000;

const log = getLogger("server");

/** What a link is made of. */
export interface LinkOptions {
  readonly id: string;
  readonly server: LlamaServer;
  readonly files?: ModelFiles | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: (event: ServerEvent) => void;
  readonly isUrgent: () => boolean;
}

/** The connection to one llama-server: polls it, carries out what the state machine wants of it, and reports back. */
export class ServerLink {
  readonly server: LlamaServer;
  readonly #options: LinkOptions;
  readonly #calls: ServerCalls;
  readonly #poller: Poller;

  constructor(options: LinkOptions) {
    const { server, files, clock, random, report, isUrgent } = options;
    this.#options = options;
    this.server = server;
    this.#calls = new ServerCalls(clock);
    this.#poller = new Poller({
      server,
      calls: this.#calls,
      clock,
      random,
      addFileFacts: (models, signal) => files?.addFacts(models, signal) ?? Promise.resolve(models),
      report,
      isUrgent,
    });
  }

  start(): void {
    this.#poller.start();
  }

  /** Carries out a command; `emit` is not for it. */
  execute(command: Exclude<ServerCommand, { readonly do: "emit" }>): void {
    switch (command.do) {
      case "load":
      case "unload":
        return this.#order(command.do, command.model);
      case "ask_capacity":
        return this.#askCapacity(command.model);
      case "ask_busy":
        return this.#askBusy(command.model);
      case "poll":
        return this.#poller.pollNow();
      case "forget":
        this.server.forget();
        this.#options.files?.forget();
        return this.#poller.forget();
      case "warn":
        log.warn(command.message, { server: command.server, model: command.model });
        return;
    }
  }

  /** Stops polling and ends all calls; resolves when nothing is left running. */
  async close(): Promise<void> {
    const stopped = this.#poller.stop();
    await this.#calls.close();
    await stopped;
    this.server.close();
  }

  #order(action: "load" | "unload", model: string): void {
    const { report } = this.#options;
    this.#calls.run(`accept to ${action} ${model}`, CALL_TIMEOUT, (signal) => this.server[action](model, signal)).then(
      () => report({ is: "accepted", model }),
      (error: unknown) => report({ is: "refused", model, error: commandFailure(error, action, model) }),
    );
  }

  #askCapacity(model: string): void {
    const { report } = this.#options;
    const purpose = `say what ${model} can take`;
    this.#calls.run(purpose, CALL_TIMEOUT, (signal) => this.server.capacity(model, signal)).then(
      ({ slots }) => report({ is: "capacity", model, slots }),
      (error: unknown) => {
        log.debug("slots of the model are not known; asked again later", { model, error: String(error) });
        report({ is: "capacity", model, slots: undefined });
      },
    );
  }

  #askBusy(model: string): void {
    const { report, clock } = this.#options;
    const ask = async (signal: AbortSignal) => {
      await pause(BUSY_PAUSE, clock, signal);
      return await this.server.busySlots(model, signal);
    };
    this.#calls.run(`say how many slots of ${model} are busy`, BUSY_TIMEOUT, ask).then(
      (slots) => report({ is: "busy", model, slots }),
      (error: unknown) => {
        log.debug("it is not known how many slots are busy", { model, error: String(error) });
        report({ is: "busy", model, slots: undefined });
      },
    );
  }
}

/** An exception of modeld's own is logged as one; the model's state then comes from the next poll. */
function commandFailure(error: unknown, action: string, model: string): ModeldError {
  if (error instanceof ModeldError) return error;
  log.error("unexpected error, please report it", { error, action, model });
  return new ModeldError("internal", `modeld failed to ${action} ${model}; its log says more`, { cause: error });
}

/** @throws the signal's reason */
function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    const abort = (): void => {
      timer.clear();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}
