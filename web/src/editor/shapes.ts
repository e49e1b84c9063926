import { hasRoomFor } from '../edits/cropping';
import type { Size } from '../edits/model';
import { type Place, ratioOf } from './slots';

/** A shape that a crop can be held to; null for any. */
export interface Shape {
  id: string;
  label: string;
  ratio: number | null;
}

/** What most banners are near to. */
const BANNER = 3;

export const FREE: Shape = { id: 'free', label: 'Free', ratio: null };

/** The shapes to choose from for a picture of this size, without those that it has no room for or that are there twice. */
export function shapesFor(size: Size, place: Place | undefined): Shape[] {
  const shapes: Shape[] = [
    FREE,
    { id: 'original', label: 'Original', ratio: size.width / size.height },
    { id: 'square', label: 'Square', ratio: 1 },
    { id: 'banner', label: 'Banner', ratio: BANNER },
    ...(place ? [{ id: 'place', label: `As ${place.name}`, ratio: ratioOf(place) }] : []),
  ];
  return shapes.filter(
    ({ id, ratio }, at) =>
      ratio === null ||
      id === 'original' ||
      (hasRoomFor({ size, ratio }) &&
        shapes.findIndex((other) => other.id !== 'original' && other.ratio === ratio) === at),
  );
}
