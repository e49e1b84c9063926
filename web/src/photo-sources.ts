import type { Thumbnail } from './api/types';

export interface PhotoSource {
  type: string;
  srcSet: string;
  /** The one for a plain screen. */
  plain: Thumbnail;
}

/** The smallest files come first; every browser that we support reads the last. */
const PREFERRED = ['image/avif', 'image/webp', 'image/png', 'image/jpeg'];

/**
 * Says what a picture is shown from where its longest side has so many points: for each format a file for plain screens and one for
 * screens with two pixels a point, as far as there are.
 *
 * A format without the sharper file is left out where another has it: browsers take the first format that they can read, and the
 * picture would be blurred on a good screen.
 */
export function photoSources(thumbnails: readonly Thumbnail[], side: number): PhotoSource[] {
  const found: (PhotoSource & { reach: number })[] = [];
  for (const type of [...new Set(thumbnails.map((thumbnail) => thumbnail.content_type))].sort(byPreference)) {
    const ofType = thumbnails
      .filter((thumbnail) => thumbnail.content_type === type)
      .sort((a, b) => reach(a) - reach(b));
    const plain = atLeast(ofType, side);
    const sharp = atLeast(ofType, 2 * side);
    if (!plain || !sharp) continue;
    const srcSet = reach(sharp) > reach(plain) ? `${plain.url} 1x, ${sharp.url} 2x` : plain.url;
    found.push({ type, srcSet, plain, reach: reach(sharp) });
  }
  const best = Math.max(...found.map((source) => source.reach));
  return found.filter((source) => source.reach === best).map(({ type, srcSet, plain }) => ({ type, srcSet, plain }));
}

function byPreference(one: string, other: string): number {
  return rank(one) - rank(other);
}

function rank(type: string): number {
  const at = PREFERRED.indexOf(type);
  return at < 0 ? PREFERRED.length : at;
}

/** The longest side in pixels. */
function reach(thumbnail: Thumbnail): number {
  return Math.max(thumbnail.width, thumbnail.height);
}

function atLeast(sorted: Thumbnail[], side: number): Thumbnail | undefined {
  return sorted.find((thumbnail) => reach(thumbnail) >= side) ?? sorted.at(-1);
}
