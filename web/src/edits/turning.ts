import type { Edit } from '../api/types';
import type { Box, Point } from './model';

export type Direction = 'left' | 'right';

/**
 * Turns what the person sees by a quarter; crop and focus turn along, so that the same content stays chosen.
 *
 * An edit turns first and mirrors then, and in a mirror what turns to the right turns to the left.
 */
export function turned(edit: Edit, direction: Direction): Edit {
  const quarters = direction === 'right' ? 1 : 3;
  return {
    ...edit,
    quarter_turns: (edit.quarter_turns + (edit.mirrored ? 4 - quarters : quarters)) % 4,
    crop: edit.crop && turnedBox(edit.crop, quarters),
    focus: edit.focus && turnedPoint(edit.focus, quarters),
  };
}

/** Swaps left and right of what the person sees, crop and focus with it. */
export function mirrored(edit: Edit): Edit {
  return {
    ...edit,
    mirrored: !edit.mirrored,
    crop: edit.crop && mirroredBox(edit.crop),
    focus: edit.focus && { x: 1 - edit.focus.x, y: edit.focus.y },
  };
}

/** Where a part of the upright picture is seen once it is turned and mirrored. */
export function seenBox(box: Box, edit: Edit): Box {
  const round = turnedBox(box, edit.quarter_turns);
  return edit.mirrored ? mirroredBox(round) : round;
}

/** Which part of the upright picture is seen there: the way back from `seenBox`. */
export function uprightBox(box: Box, edit: Edit): Box {
  return turnedBox(edit.mirrored ? mirroredBox(box) : box, (4 - edit.quarter_turns) % 4);
}

/** Turns a place of a picture clockwise along with the picture. */
function turnedPoint({ x, y }: Point, quarters: number): Point {
  return quarters === 0 ? { x, y } : turnedPoint({ x: 1 - y, y: x }, quarters - 1);
}

function turnedBox(box: Box, quarters: number): Box {
  if (quarters === 0) return box;
  const { left, top, right, bottom } = box;
  return turnedBox({ left: 1 - bottom, top: left, right: 1 - top, bottom: right }, quarters - 1);
}

function mirroredBox({ left, top, right, bottom }: Box): Box {
  return { left: 1 - right, top, right: 1 - left, bottom };
}
