import type { Edit } from '../api/types';
import { around } from './cropping';
import { type Box, type Size, WHOLE } from './model';

/**
 * The part of the turned picture that a place of some shape shows, where no face and nothing striking moves it: the largest of that
 * shape inside of the crop, around the focus, else in the middle. `size` is that of the turned picture.
 */
export function shownBox({ crop, focus }: Edit, size: Size, ratio: number): Box {
  const inside = crop ?? WHOLE;
  const [across, down] = [(inside.right - inside.left) * size.width, (inside.bottom - inside.top) * size.height];
  const width = Math.min(across, down * ratio) / size.width;
  const height = Math.min(down, across / ratio) / size.height;
  const middle = { x: (inside.left + inside.right) / 2, y: (inside.top + inside.bottom) / 2 };
  return around(focus ?? middle, width, height, inside);
}
