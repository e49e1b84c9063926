import { type Box, clamp, type Point, type Size } from './model';

/** The least that the server cuts out, in pixels of the original; a little more, since fractions round. */
const LEAST_PIXELS = 16.001;

/** Which edges a handle moves: -1 the left or upper one, 1 the right or lower one, 0 none. */
export interface Handle {
  name: string;
  x: -1 | 0 | 1;
  y: -1 | 0 | 1;
}

export const LOWER_RIGHT: Handle = { name: 'se', x: 1, y: 1 };

export const HANDLES: readonly Handle[] = [
  { name: 'nw', x: -1, y: -1 },
  { name: 'n', x: 0, y: -1 },
  { name: 'ne', x: 1, y: -1 },
  { name: 'e', x: 1, y: 0 },
  LOWER_RIGHT,
  { name: 's', x: 0, y: 1 },
  { name: 'sw', x: -1, y: 1 },
  { name: 'w', x: -1, y: 0 },
];

/** What a crop has to keep to. Sizes are those of the turned picture. */
export interface Limits {
  size: Size;
  /** Width by height in pixels; null for any. */
  ratio: number | null;
}

/** Moves a crop by fractions of the picture, as far as it stays inside. */
export function moved(crop: Box, across: number, down: number): Box {
  const x = clamp(across, -crop.left, 1 - crop.right);
  const y = clamp(down, -crop.top, 1 - crop.bottom);
  return { left: crop.left + x, top: crop.top + y, right: crop.right + x, bottom: crop.bottom + y };
}

/** Pulls a crop's handle by fractions of the picture, as far as the picture and the least size let it. */
export function resized(crop: Box, handle: Handle, across: number, down: number, limits: Limits): Box {
  return limits.ratio === null
    ? resizedFreely(crop, handle, across, down, limits.size)
    : resizedInShape(crop, handle, across, down, limits);
}

function resizedFreely(crop: Box, handle: Handle, across: number, down: number, size: Size): Box {
  const least = leastOf(size);
  const { left, top, right, bottom } = crop;
  return {
    left: handle.x < 0 ? clamp(left + across, 0, Math.max(0, right - least.width)) : left,
    right: handle.x > 0 ? clamp(right + across, Math.min(1, left + least.width), 1) : right,
    top: handle.y < 0 ? clamp(top + down, 0, Math.max(0, bottom - least.height)) : top,
    bottom: handle.y > 0 ? clamp(bottom + down, Math.min(1, top + least.height), 1) : bottom,
  };
}

function resizedInShape(crop: Box, handle: Handle, across: number, down: number, limits: Limits): Box {
  const ratio = inFractions(limits);
  const wanted = (crop.right - crop.left) * (1 + growth(crop, handle, across, down, limits.size));
  const room = Math.min(roomOf(crop.left, crop.right, handle.x), roomOf(crop.top, crop.bottom, handle.y) * ratio);
  const width = clamp(wanted, Math.min(leastWidth(limits), room), room);
  const [left, right] = laid(crop.left, crop.right, handle.x, width);
  const [top, bottom] = laid(crop.top, crop.bottom, handle.y, width / ratio);
  return { left, top, right, bottom };
}

/** By which part of itself a crop grows: a corner follows the pointer along the diagonal, as near as it comes to it. */
function growth(crop: Box, handle: Handle, across: number, down: number, size: Size): number {
  const wide = handle.x * (crop.right - crop.left) * size.width;
  const high = handle.y * (crop.bottom - crop.top) * size.height;
  return (across * size.width * wide + down * size.height * high) / (wide ** 2 + high ** 2);
}

/** How long a side may become when the edge opposite to the handle stays, or the middle where the handle does not move it. */
function roomOf(start: number, end: number, direction: -1 | 0 | 1): number {
  if (direction > 0) return 1 - start;
  if (direction < 0) return end;
  return Math.min(start + end, 2 - start - end);
}

function laid(start: number, end: number, direction: -1 | 0 | 1, length: number): [number, number] {
  const from = direction > 0 ? start : direction < 0 ? end - length : (start + end - length) / 2;
  return [Math.max(0, from), Math.min(1, from + length)];
}

/** Gives a crop a shape: as large as before as far as the picture is, around the same middle. */
export function shaped(crop: Box, limits: Limits & { ratio: number }): Box {
  const ratio = inFractions(limits);
  const most = Math.min(1, ratio);
  const area = (crop.right - crop.left) * (crop.bottom - crop.top);
  const width = clamp(Math.sqrt(area * ratio), Math.min(leastWidth(limits), most), most);
  return around({ x: (crop.left + crop.right) / 2, y: (crop.top + crop.bottom) / 2 }, width, width / ratio, {
    left: 0,
    top: 0,
    right: 1,
    bottom: 1,
  });
}

/** Whether a picture has room for a crop of a shape that is not too small. */
export function hasRoomFor(limits: Limits & { ratio: number }): boolean {
  return leastWidth(limits) <= Math.min(1, inFractions(limits));
}

/** A box of some size that has a point in its middle, as far as it can inside of another box. */
export function around(point: Point, width: number, height: number, inside: Box): Box {
  const left = clamp(point.x - width / 2, inside.left, Math.max(inside.left, inside.right - width));
  const top = clamp(point.y - height / 2, inside.top, Math.max(inside.top, inside.bottom - height));
  return { left, top, right: Math.min(left + width, inside.right), bottom: Math.min(top + height, inside.bottom) };
}

/** A crop in whole pixels, as a person reads it. */
export interface PixelBox {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function inPixels(crop: Box, size: Size): PixelBox {
  const [x, y] = [Math.round(crop.left * size.width), Math.round(crop.top * size.height)];
  return {
    x,
    y,
    width: Math.round(crop.right * size.width) - x,
    height: Math.round(crop.bottom * size.height) - y,
  };
}

/** A crop of pixels that somebody typed: moved and cut so that it is inside of the picture, and not too small. */
export function ofPixels(wanted: PixelBox, size: Size): Box {
  const least = leastOf(size);
  const width = clamp(wanted.width / size.width, least.width, 1);
  const height = clamp(wanted.height / size.height, least.height, 1);
  const left = clamp(wanted.x / size.width, 0, 1 - width);
  const top = clamp(wanted.y / size.height, 0, 1 - height);
  return { left, top, right: left + width, bottom: top + height };
}

function inFractions({ size, ratio }: Limits): number {
  return ((ratio ?? 1) * size.height) / size.width;
}

function leastOf(size: Size): Size {
  return { width: Math.min(1, LEAST_PIXELS / size.width), height: Math.min(1, LEAST_PIXELS / size.height) };
}

/** The least width of a crop in a shape, in fractions. */
function leastWidth(limits: Limits): number {
  const least = leastOf(limits.size);
  return Math.max(least.width, least.height * inFractions(limits));
}
