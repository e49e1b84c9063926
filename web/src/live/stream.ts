import type { LiveUpdate } from '../api/types';

interface Handlers {
  onUpdate(update: LiveUpdate): void;
  /** The stream is back after a gap: what changed meanwhile was not told. */
  onGap(): void;
  /** Makes sure that the session holds before the stream is opened again; false ends the stream for good. */
  ensureSession(): Promise<boolean>;
}

interface Surroundings {
  open(url: string): EventSource;
  wait(run: () => void, milliseconds: number): () => void;
  random(): number;
}

const KINDS: LiveUpdate['kind'][] = ['image', 'defaults', 'connection', 'sync', 'target', 'notice'];
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

const browser: Surroundings = {
  open: (url) => new EventSource(url),
  wait: (run, milliseconds) => {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/**
 * Listens to `GET /v1/events/stream` for as long as it is started.
 *
 * An EventSource does not tell why it broke, and gives up for good on an answer such as 401. So each break is treated
 * alike: wait (longer each time, with jitter), make sure of the session, open anew, and say that there was a gap.
 */
export class LiveStream {
  readonly #handlers: Handlers;
  readonly #surroundings: Surroundings;
  #source: EventSource | null = null;
  #cancelWait: (() => void) | null = null;
  #failures = 0;
  #opened = false;
  #run = 0;

  constructor(handlers: Handlers, surroundings: Surroundings = browser) {
    this.#handlers = handlers;
    this.#surroundings = surroundings;
  }

  start(): void {
    if (this.#source || this.#cancelWait) return;
    this.#run += 1;
    this.#connect();
  }

  stop(): void {
    this.#run += 1;
    this.#cancelWait?.();
    this.#cancelWait = null;
    this.#source?.close();
    this.#source = null;
  }

  #connect(): void {
    const source = this.#surroundings.open('/v1/events/stream');
    this.#source = source;
    source.onopen = () => {
      this.#failures = 0;
      if (this.#opened) this.#handlers.onGap();
      this.#opened = true;
    };
    source.onerror = () => this.#reconnect(source);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event: MessageEvent<string>) =>
        this.#handlers.onUpdate(JSON.parse(event.data) as LiveUpdate),
      );
    }
    // The server says goodbye: the token has ended, it is shutting down, or we were too slow.
    source.addEventListener('end', () => this.#reconnect(source));
  }

  #reconnect(broken: EventSource): void {
    if (broken !== this.#source) return;
    broken.close();
    this.#source = null;
    const run = this.#run;
    const longest = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS);
    this.#failures += 1;
    this.#cancelWait = this.#surroundings.wait(
      () => void this.#resume(run),
      longest * (0.5 + this.#surroundings.random() / 2),
    );
  }

  async #resume(run: number): Promise<void> {
    const holds = await this.#handlers.ensureSession();
    if (run !== this.#run) return;
    this.#cancelWait = null;
    if (holds) this.#connect();
  }
}
