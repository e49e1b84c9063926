import type { Image } from '../api/types';
import type { SendOptions } from './send';

export interface ReplaceSteps {
  prepare(file: File, signal: AbortSignal): Promise<File>;
  send(file: File, options: SendOptions): Promise<Image>;
  remove(imageId: string): Promise<unknown>;
}

/**
 * Puts a file in the place of a picture, with its description: sends it, and only when it was taken deletes the old one.
 *
 * Throws what sending throws; then the old one is still there. If the old one cannot be deleted, it stays beside the new one.
 */
export async function replaceImage(
  old: Pick<Image, 'id' | 'alt_text'>,
  file: File,
  options: Omit<SendOptions, 'altText'>,
  steps: ReplaceSteps,
): Promise<Image> {
  const prepared = await steps.prepare(file, options.signal);
  const taken = await steps.send(prepared, { ...options, altText: old.alt_text });
  await steps.remove(old.id).catch(() => undefined);
  return taken;
}
