import { thumbHashToDataURL } from 'thumbhash';

/** A hash begins with its average colour and its kind. */
const FEWEST_BYTES = 5;

/** Draws the blurred picture that a ThumbHash (in base64) stands for; returns its address, or null where there is none. */
export function placeholderAddress(hash: string | null): string | null {
  if (!hash) return null;
  try {
    const bytes = Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0));
    return bytes.length < FEWEST_BYTES ? null : thumbHashToDataURL(bytes);
  } catch {
    // A page without its blur is still a page.
    return null;
  }
}
