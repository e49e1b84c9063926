import { Problem } from '../api/problem';
import { session } from '../api/session';
import type { Image } from '../api/types';

export interface SendOptions {
  /** The same key never makes a second picture, however often it is sent. */
  idempotencyKey: string;
  /** From 0 to 1. */
  onProgress(share: number): void;
  signal: AbortSignal;
  /** What it shows, for those who cannot see it. */
  altText?: string;
}

/**
 * Sends one file. Throws a Problem, or an AbortError when the signal says so.
 *
 * With XMLHttpRequest, since `fetch` does not tell how much of a body has been sent.
 */
export async function sendImage(file: File, options: SendOptions): Promise<Image> {
  const first = await post(file, options);
  const answer = first.status === 401 && (await session.renew()) ? await post(file, options) : first;
  if (answer.status !== 201 && answer.status !== 200) {
    throw Problem.read(answer.status, { get: (name) => answer.getResponseHeader(name) }, answer.responseText);
  }
  return JSON.parse(answer.responseText) as Image;
}

function post(file: File, { idempotencyKey, onProgress, signal, altText }: SendOptions): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener('abort', abort, { once: true });
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => resolve(request);
    request.onerror = () => reject(Problem.unreachable());
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener('abort', abort);
    request.open('POST', '/v1/images');
    request.setRequestHeader('idempotency-key', idempotencyKey);
    const form = new FormData();
    // Before the file, which is passed on while it comes in.
    if (altText) form.append('alt_text', altText);
    form.append('file', file, file.name);
    request.send(form);
  });
}
