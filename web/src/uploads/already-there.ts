import { session } from '../api/session';
import type { Image } from '../api/types';
import { hashOf } from './hash';

/**
 * Returns the picture that was made from this very file before, if the library has one.
 *
 * A help, no guard: where it cannot be told, there is none, and the file is sent as ever.
 */
export async function alreadyThere(file: File, signal: AbortSignal): Promise<Image | null> {
  try {
    const sha256 = await hashOf(file);
    signal.throwIfAborted();
    if (sha256 === null) return null;
    const response = await session.send(new Request(`/v1/images?page_size=1&sha256=${sha256}`, { signal }));
    if (!response.ok) return null;
    const { items } = (await response.json()) as { items: Image[] };
    return items[0] ?? null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
