import { newIdempotencyKey } from '../api/idempotency-key';
import { Problem } from '../api/problem';
import type { Image } from '../api/types';
import { alreadyThere } from './already-there';
import { type SendOptions, sendImage } from './send';
import { shrinkIfHuge } from './shrink';

export interface Upload {
  id: string;
  fileName: string;
  /** Size of the file that was picked. */
  bytes: number;
  /** An address of the picked file for showing it, or null where there is none. */
  preview: string | null;
  /** `known`: the library has this very file, and its owner shall say what to do. */
  state: 'waiting' | 'sending' | 'failed' | 'known';
  /** From 0 to 1. */
  share: number;
  problem: Problem | null;
  /** The picture that was made from this very file before. */
  known: Image | null;
}

export interface UploadSteps {
  prepare(file: File, signal: AbortSignal): Promise<File>;
  /** Returns the picture that the library has of this very file, if any. */
  findKnown(file: File, signal: AbortSignal): Promise<Image | null>;
  send(file: File, options: SendOptions): Promise<Image>;
  newKey(): string;
  preview(file: File): string | null;
  dropPreview(address: string): void;
}

interface Entry {
  file: File;
  idempotencyKey: string;
  abort: AbortController;
  /** Its owner wants it beside the one that is there. */
  anyway: boolean;
}

/** More at once would only make each of them slower. */
const AT_ONCE = 2;

const browserSteps: UploadSteps = {
  prepare: shrinkIfHuge,
  findKnown: alreadyThere,
  send: sendImage,
  newKey: newIdempotencyKey,
  preview: (file) => (file.type.startsWith('image/') ? URL.createObjectURL(file) : null),
  dropPreview: (address) => URL.revokeObjectURL(address),
};

/**
 * The uploads of this visit, which go on while pages come and go.
 *
 * A finished upload leaves the queue, since the library shows the picture from then on. A failed one stays with its
 * reason until it is tried again or dismissed, and one that the library has already until it is sent anyway or dismissed.
 */
export class UploadQueue {
  readonly #steps: UploadSteps;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<() => void>();
  #uploads: readonly Upload[] = [];
  #onDone: (image: Image) => void = () => undefined;

  constructor(steps: UploadSteps = browserSteps) {
    this.#steps = steps;
  }

  /** Who shall hear of each finished picture; the last one to ask. */
  whenDone(onDone: (image: Image) => void): void {
    this.#onDone = onDone;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): readonly Upload[] => this.#uploads;

  add(files: Iterable<File>): void {
    for (const file of files) {
      const id = this.#steps.newKey();
      this.#entries.set(id, { file, idempotencyKey: id, abort: new AbortController(), anyway: false });
      this.#uploads = [
        ...this.#uploads,
        {
          id,
          fileName: file.name,
          bytes: file.size,
          preview: this.#steps.preview(file),
          state: 'waiting',
          share: 0,
          problem: null,
          known: null,
        },
      ];
    }
    this.#tell();
    this.#next();
  }

  retry(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry || this.#find(id)?.state !== 'failed') return;
    entry.abort = new AbortController();
    this.#change(id, { state: 'waiting', share: 0, problem: null });
    this.#next();
  }

  /** Sends a file that the library has already. */
  sendAnyway(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry || this.#find(id)?.state !== 'known') return;
    entry.anyway = true;
    this.#change(id, { state: 'waiting', known: null });
    this.#next();
  }

  /** Cancels an upload under way, or dismisses one that rests. */
  remove(id: string): void {
    const entry = this.#entries.get(id);
    const upload = this.#find(id);
    if (!entry || !upload) return;
    this.#entries.delete(id);
    this.#uploads = this.#uploads.filter((other) => other.id !== id);
    if (upload.preview) this.#steps.dropPreview(upload.preview);
    entry.abort.abort();
    this.#tell();
    this.#next();
  }

  /** Ends everything: the account that it was for is gone from this page. */
  clear(): void {
    for (const { id } of this.#uploads) this.remove(id);
  }

  #next(): void {
    const sending = this.#uploads.filter((upload) => upload.state === 'sending').length;
    const waiting = this.#uploads.filter((upload) => upload.state === 'waiting');
    for (const upload of waiting.slice(0, Math.max(0, AT_ONCE - sending))) void this.#run(upload.id);
  }

  async #run(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return;
    const { signal } = entry.abort;
    this.#change(id, { state: 'sending' });
    try {
      const file = await this.#steps.prepare(entry.file, signal);
      const known = entry.anyway ? null : await this.#steps.findKnown(file, signal);
      if (known) {
        this.#change(id, { state: 'known', known });
        this.#next();
        return;
      }
      const image = await this.#steps.send(file, {
        idempotencyKey: entry.idempotencyKey,
        signal,
        onProgress: (share) => this.#change(id, { share }),
      });
      this.#onDone(image);
      this.remove(id);
    } catch (error) {
      // Cancelled: it has left the queue already.
      if (signal.aborted) return;
      this.#change(id, { state: 'failed', problem: Problem.from(error) });
      this.#next();
    }
  }

  #find(id: string): Upload | undefined {
    return this.#uploads.find((upload) => upload.id === id);
  }

  #change(id: string, change: Partial<Upload>): void {
    this.#uploads = this.#uploads.map((upload) => (upload.id === id ? { ...upload, ...change } : upload));
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const uploads = new UploadQueue();
