import { untilAborted } from "../base/abort.ts";
import type { ServerModel } from "../llama/llama_server.ts";
import { readModelFacts } from "./gguf/model_facts.ts";
import type { FileFacts, KnownModel } from "./model.ts";
import { stem } from "./model_names.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("registry");

/** How far below the folder files are looked for, and how many entries are looked at. */
const DEPTH = 3;
const MOST_ENTRIES = 100_000;
/** A part of a model that is split over several files. */
const PART = /-\d{5}-of-\d{5}$/;

/**
 * The model files in one folder, and what their headers say. Files are looked for by name in that folder alone, whatever
 * path the server gives, so that a server cannot make modeld open anything else. Each file is read once.
 */
export class ModelFiles {
  readonly #folder: string;
  /** By model id; `undefined` where no file was found or it could not be read. */
  readonly #facts = new Map<string, FileFacts | undefined>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Adds what is known of the models' files. What cannot be read is unknown, with one warning each.
   *
   * @throws only the signal's reason: a folder on a network may hang
   */
  async addFacts(models: readonly ServerModel[], signal: AbortSignal): Promise<readonly KnownModel[]> {
    return await untilAborted(this.#addFacts(models, signal), signal);
  }

  async #addFacts(models: readonly ServerModel[], signal: AbortSignal): Promise<readonly KnownModel[]> {
    if (models.some((model) => !this.#facts.has(model.id))) {
      const files = await this.#listFolder();
      for (const model of models) {
        signal.throwIfAborted();
        if (!this.#facts.has(model.id)) this.#facts.set(model.id, await this.#read(findFile(model, files), files));
      }
    }
    return models.map((model) => {
      const file = this.#facts.get(model.id);
      return file === undefined ? model : { ...model, file };
    });
  }

  /** Reads everything anew when it is next asked for. */
  forget(): void {
    this.#facts.clear();
  }

  /** All `.gguf` files. */
  async #listFolder(): Promise<FilesByName> {
    const files = new Map<string, string[]>();
    let entries = 0;
    const walk = async (folder: string, depth: number): Promise<void> => {
      for await (const entry of Deno.readDir(folder)) {
        if (++entries > MOST_ENTRIES) return;
        const path = `${folder}/${entry.name}`;
        if (entry.isDirectory && depth < DEPTH) await walk(path, depth + 1);
        else if (entry.name.endsWith(".gguf")) { for (const name of namesOf(path)) append(files, name, path); }
      }
    };
    try {
      await walk(this.#folder, 1);
    } catch (error) {
      // A models folder is optional, so one that is missing is no news.
      if (!(error instanceof Deno.errors.NotFound)) {
        log.warn("models folder cannot be read", { folder: this.#folder, error: String(error) });
      }
    }
    if (entries > MOST_ENTRIES) {
      const remedy = "name a folder that holds the models alone (--models-dir)";
      log.warn(`models folder has more than ${MOST_ENTRIES} entries, the rest is not looked at: ${remedy}`, {
        folder: this.#folder,
      });
    }
    return files;
  }

  async #read(path: string | undefined, files: FilesByName): Promise<FileFacts | undefined> {
    if (path === undefined) return undefined;
    try {
      const { isFile, size } = await Deno.stat(path);
      if (!isFile) return undefined;
      using file = await Deno.open(path, { read: true });
      const facts = await readModelFacts(file, size, stem(path));
      return { ...facts, sizeBytes: await sizeOfAll(path, size, files) };
    } catch (error) {
      log.warn("model file cannot be read, so its size is not known from it", { path, error: String(error) });
      return undefined;
    }
  }
}

/** Paths by the file's name without `.gguf`; the part of a split model also stands under the whole model's name. */
type FilesByName = ReadonlyMap<string, readonly string[]>;

function namesOf(path: string): readonly string[] {
  const name = stem(path);
  return PART.test(name) ? [name, name.replace(PART, "")] : [name];
}

function append(files: Map<string, string[]>, name: string, path: string): void {
  const paths = files.get(name);
  if (paths === undefined) files.set(name, [path]);
  else paths.push(path);
}

/** The file that a model is in: by the name in its path, else by its id; among several, the one whose folders agree. */
function findFile({ id, path = id }: ServerModel, files: FilesByName): string | undefined {
  const named = files.get(stem(path)) ?? [];
  const agreement = (file: string): number => {
    const [ours, theirs] = [file.split("/").reverse(), path.split("/").reverse()];
    const differsAt = ours.findIndex((segment, index) => segment !== theirs[index]);
    return differsAt < 0 ? ours.length : differsAt;
  };
  return named.toSorted((a, b) => agreement(b) - agreement(a) || (a < b ? -1 : 1))[0];
}

/** A split model is as large as its parts together. */
async function sizeOfAll(path: string, size: number, files: FilesByName): Promise<number> {
  const base = stem(path);
  if (!PART.test(base)) return size;
  const whole = path.slice(0, path.length - ".gguf".length).replace(PART, "");
  let sum = 0;
  for (const part of files.get(base.replace(PART, "")) ?? []) {
    const partBase = part.slice(0, part.length - ".gguf".length);
    if (PART.test(partBase) && partBase.replace(PART, "") === whole) sum += (await Deno.stat(part)).size;
  }
  return sum;
}
