import type { PictureFilter } from './api/queries';

/** Which pictures the library shows, by what the address says. */
export const SHOWN = [
  ['all', 'All'],
  ['ready', 'Ready'],
  ['processing', 'Being made'],
  ['failed', 'Failed'],
  ['avatar', 'Avatars'],
  ['banner', 'Banners'],
] as const;

export type Shown = (typeof SHOWN)[number][0];

export interface LibrarySearch {
  q?: string;
  show?: Shown;
}

/** The server takes no more. */
const MAX_LETTERS = 200;

/** Reads the address. What it does not know is left out: anybody can make a link. */
export function readSearch({ q, show }: Record<string, unknown>): LibrarySearch {
  // The router reads figures out of an address as numbers.
  const words = (typeof q === 'string' || typeof q === 'number' ? String(q) : '').slice(0, MAX_LETTERS);
  const known = SHOWN.find(([id]) => id === show && id !== 'all')?.[0];
  return { ...(words && { q: words }), ...(known && { show: known }) };
}

/** What to ask the server for. */
export function filterOf({ q = '', show = 'all' }: LibrarySearch): PictureFilter {
  const words = q.trim();
  return {
    ...(words && { q: words }),
    ...(show === 'avatar' || show === 'banner' ? { slot: show } : show === 'all' ? {} : { state: show }),
  };
}
