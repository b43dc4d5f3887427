import { asciiBeginning } from "./json_bytes.ts";

const TYPES: ReadonlySet<string> = new Set([
  ...["image_url", "input_image", "image"],
  ...["audio_url", "input_audio", "audio"],
  ...["video_url", "input_video", "video"],
  ...["file_url", "input_file", "file", "document"],
]);

type Role = "type" | "medium" | "recording" | "source" | "url" | "data";

/** What the name of a member says about its value. */
const ROLES: ReadonlyMap<string, Role> = new Map([
  ["type", "type"],
  ["image_url", "medium"],
  ["audio_url", "medium"],
  ["video_url", "medium"],
  ["file_url", "medium"],
  ["input_audio", "recording"],
  ["input_video", "recording"],
  ["source", "source"],
  ["url", "url"],
  ["data", "data"],
]);

/** The objects from which llama-server takes an address. `data` of a source may be plain text, that of a recording not. */
const HOLDERS: Readonly<Record<"url" | "data", ReadonlySet<Role | undefined>>> = {
  url: new Set<Role>(["medium", "recording", "source"]),
  data: new Set<Role>(["recording"]),
};

const LONGEST_TYPE = Math.max(...Array.from(TYPES, (type) => type.length));
const LONGEST_NAME = Math.max(...Array.from(ROLES.keys(), (name) => name.length));

/** llama-server fetches what begins with these letters, whatever follows. */
const SCHEME = "http";

/** An object or array that has not ended. */
interface Container {
  /** What the name says whose value it is. */
  role: Role | undefined;
  isMedium: boolean;
  /** Where an address begins that is fetched if this is a medium. */
  address: number | undefined;
}

/**
 * Finds pictures, sounds, videos and files that are given by an http(s) address. llama-server fetches them from where it
 * stands, so that a client could reach into the operator's network.
 *
 * A part counts where llama-server takes it for a medium (`handle_media` in llama.cpp's tools/server/server-common.cpp): an
 * object whose `type` names one and whose member of that medium is an address or holds one. So a text that mentions an
 * address passes, and so does a tool's argument that is called `image_url`.
 */
export class MediaWatch {
  /** Where the first address begins; undefined as long as there is none. */
  address: number | undefined;
  readonly #body: Uint8Array;
  /** By depth. Those deeper than what is open now are kept, to be used again. */
  readonly #containers: Container[] = [];
  /** Of the member whose value comes next. */
  #role: Role | undefined;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  /** An object or array begins, the outermost at depth 1. */
  open(depth: number): void {
    const container = this.#containers[depth - 1];
    if (container === undefined) {
      this.#containers.push({ role: this.#role, isMedium: false, address: undefined });
    } else {
      container.role = this.#role;
      container.isMedium = false;
      container.address = undefined;
    }
    this.#role = undefined;
  }

  /** The name of the member whose value comes next. */
  name(start: number, end: number): void {
    this.#role = ROLES.get(asciiBeginning(this.#body, start, end, LONGEST_NAME + 1));
  }

  /** A string in the object or array at `depth`, quotes excluded. */
  string(start: number, end: number, depth: number): void {
    const role = this.#role;
    this.#role = undefined;
    if (role === undefined) return;
    const container = this.#containers[depth - 1];
    if (role === "type") {
      if (container !== undefined && TYPES.has(asciiBeginning(this.#body, start, end, LONGEST_TYPE + 1))) {
        container.isMedium = true;
        this.#decide(container);
      }
      return;
    }
    const part = role === "medium" || role === "recording"
      ? container
      : role !== "source" && HOLDERS[role].has(container?.role)
      ? this.#containers[depth - 2]
      : undefined;
    if (part === undefined || asciiBeginning(this.#body, start, end, SCHEME.length).toLowerCase() !== SCHEME) return;
    part.address ??= start;
    this.#decide(part);
  }

  /** Type and address come in any order. */
  #decide(part: Container): void {
    if (part.isMedium) this.address ??= part.address;
  }
}
