import type { Clock, Timer } from "../../../base/clock.ts";
import type { Deadlines } from "../../../base/deadlines.ts";
import { ModeldError } from "../../../base/errors.ts";
import { type Link, LinkedList } from "../../../base/list.ts";
import type { Gate } from "../../middleware/gate.ts";
import type { Route } from "../../route.ts";
import { type ListedRequest, type LiveView, maySee, MOST_LISTED, type View, type Viewer } from "./live_view.ts";

/** Between two events of one reader, in ms: at most 4 a second. */
const PAUSE_MS = 250;
/** Without anything to say, before a comment is sent, in ms. */
const HEARTBEAT_MS = 10_000;
/** Between two events that bring the last 15 minutes, in ms. */
const RECENT_MS = 1_000;
/** Readers at once. */
const MOST_READERS = 64;

/** What `GET /events` needs. */
export interface EventsOptions {
  readonly view: LiveView;
  readonly gate: Gate;
  readonly version: string;
  readonly clock: Clock;
  /** Without a reader taking a byte; asked when one comes. */
  readonly writeDeadlines: () => Deadlines;
}

/** All readers of `GET /events`. */
export class LiveEvents {
  readonly #options: EventsOptions;
  readonly #feeds = new LinkedList<Feed>();
  #readers = 0;
  #closed = false;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Readers that are connected. */
  get readers(): number {
    return this.#readers;
  }

  /** `GET /events`. */
  get route(): Route {
    return {
      method: "GET",
      path: "/events",
      headers: { "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
      handle: async (request, context) => {
        const { gate, clock, view, version } = this.#options;
        const writeDeadlines = this.#options.writeDeadlines();
        const client = await gate.enter(request, context);
        const headers = { "Content-Type": "text/event-stream" };
        if (request.method === "HEAD") return new Response(null, { headers });
        const viewer: Viewer = { client: client.name, isAdmin: client.admin, hasKeys: gate.hasKeys };
        const feed = this.#add({ viewer, view, version, clock, writeDeadlines });
        // Whatever ends the connection ends the feed, also where its stream was never read.
        context.onDone(() => feed.release());
        return new Response(new ReadableStream(feed, { highWaterMark: 0 }), { headers });
      },
    };
  }

  /** Ends all feeds: who follows again is asked for a key that holds now. */
  endFeeds(): void {
    for (const feed of this.#feeds.toArray()) feed.end();
  }

  /** Ends all feeds, so that their connections can close. */
  close(): void {
    this.#closed = true;
    this.endFeeds();
  }

  #add(options: FeedOptions): Feed {
    if (this.#closed) throw new ModeldError("shutting_down", "modeld is stopping", { retryAfterSeconds: 1 });
    if (this.#readers >= MOST_READERS) {
      const message = `${this.#readers} readers follow /events, the limit; close a page, or ask for /status`;
      throw new ModeldError("overloaded", message, { retryAfterSeconds: 5 });
    }
    let link: Link | undefined = undefined;
    const feed = new Feed(options, () => {
      link?.remove();
      this.#readers--;
    });
    link = this.#feeds.add(feed);
    this.#readers++;
    return feed;
  }
}

/** What one reader is shown, and how. */
export interface FeedOptions extends Pick<EventsOptions, "view" | "version" | "clock"> {
  readonly viewer: Viewer;
  readonly writeDeadlines: Deadlines;
}

const utf8 = new TextEncoder();
const HEARTBEAT = utf8.encode(": alive\n\n");

/**
 * What one reader is sent: a snapshot, then what has changed since the event before. An event is made when the reader has
 * taken the one before, so a slow reader gets fewer and larger changes, and nothing piles up.
 */
export class Feed implements UnderlyingDefaultSource<Uint8Array> {
  readonly #options: FeedOptions;
  readonly #onRelease: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #timer: Timer | undefined;
  #writeDeadline: Timer | undefined;
  #released = false;
  #sentAt = -Infinity;
  #recentAt = -Infinity;
  /** What the reader knows: the parts as they were sent, requests by number. */
  #fleet = "";
  #recent = "";
  #more = 0;
  #requests: ReadonlyMap<number, string> | undefined;

  constructor(options: FeedOptions, onRelease: () => void) {
    this.#options = options;
    this.#onRelease = onRelease;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /** The reader has taken everything. Returns at once; the next event comes when there is something to say. */
  pull(): void {
    this.#writeDeadline?.clear();
    this.#wait(Math.max(0, this.#sentAt + PAUSE_MS - this.#options.clock.now()));
  }

  cancel(): void {
    this.release();
  }

  /** Ends the stream well. */
  end(): void {
    if (this.#released) return;
    this.release();
    this.#controller?.close();
  }

  /** Gives everything back; later calls do nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#timer?.clear();
    this.#writeDeadline?.clear();
    this.#requests = undefined;
    this.#onRelease();
  }

  #wait(ms: number): void {
    if (!this.#released) this.#timer = this.#options.clock.after(ms, this.#look);
  }

  readonly #look = (): void => {
    if (this.#released) return;
    const now = this.#options.clock.now();
    const event = this.#event(now);
    if (event !== undefined) this.#write(utf8.encode(event), now);
    else if (now - this.#sentAt >= HEARTBEAT_MS) this.#write(HEARTBEAT, now);
    else this.#wait(PAUSE_MS);
  };

  #write(bytes: Uint8Array, now: number): void {
    this.#sentAt = now;
    const { writeDeadlines } = this.#options;
    this.#writeDeadline = writeDeadlines.set(() => {
      this.release();
      this.#controller?.error(new ModeldError("write_timeout", `nothing was taken for ${writeDeadlines.ms} ms`));
    });
    this.#controller?.enqueue(bytes);
  }

  /** The next event's text; undefined where nothing has changed. */
  #event(now: number): string | undefined {
    const view = this.#options.view.now();
    const { viewer } = this.#options;
    const visible = view.requests.filter(({ client }) => maySee(viewer, client));
    const shown = visible.slice(0, MOST_LISTED);
    const known = this.#requests;
    this.#requests = new Map(shown.map(({ number, json }) => [number, json]));
    const parts = known === undefined
      ? [`"modeld":${this.#self()}`, ...this.#changes(view, shown, new Map(), visible.length, now)]
      : this.#changes(view, shown, known, visible.length, now);
    if (parts.length === 0) return undefined;
    return `event: ${known === undefined ? "snapshot" : "change"}\ndata: {${parts.join(",")}}\n\n`;
  }

  #self(): string {
    const { viewer: { client, isAdmin, hasKeys }, version, clock } = this.#options;
    return JSON.stringify({
      version,
      client,
      admin: isAdmin,
      keys: hasKeys,
      now_unix_ms: Math.round(clock.wallTime()),
    });
  }

  /** The members of the event's object that differ from what the reader knows. */
  #changes(
    view: View,
    shown: readonly ListedRequest[],
    known: ReadonlyMap<number, string>,
    visible: number,
    now: number,
  ): string[] {
    const parts: string[] = [];
    if (view.fleet !== this.#fleet) {
      this.#fleet = view.fleet;
      parts.push(`"fleet":${view.fleet}`);
    }
    const changed = shown.filter(({ number, json }) => known.get(number) !== json);
    if (changed.length > 0) parts.push(`"requests":[${changed.map(({ json }) => json).join(",")}]`);
    const gone = [...known.keys()].filter((number) => this.#requests?.has(number) !== true);
    if (gone.length > 0) parts.push(`"gone":[${gone.join(",")}]`);
    const more = visible - shown.length;
    if (more !== this.#more) {
      this.#more = more;
      parts.push(`"more_requests":${more}`);
    }
    if (view.recent !== this.#recent && now - this.#recentAt >= RECENT_MS) {
      this.#recent = view.recent;
      this.#recentAt = now;
      parts.push(`"recent":${view.recent}`);
    }
    return parts;
  }
}
