import type { Edit, Edits } from '../api/types';

export type Box = NonNullable<Edit['crop']>;
export type Point = NonNullable<Edit['focus']>;

export interface Size {
  width: number;
  height: number;
}

export const WHOLE: Box = { left: 0, top: 0, right: 1, bottom: 1 };

export const PLAIN: Edit = { quarter_turns: 0, mirrored: false, crop: null, focus: null, background: null };

/** Places nearer to each other than this are one: turning a picture all the way round rounds them. */
const NEAR = 1e-9;

/** The size of a picture once it has been turned. */
export function turnedSize({ width, height }: Size, edit: Edit): Size {
  return edit.quarter_turns % 2 ? { width: height, height: width } : { width, height };
}

/** What is done in a slot, or everywhere where it has no edit of its own; `slot` is undefined for everywhere. */
export function editFor({ base, overrides }: Edits, slot: string | undefined): Edit {
  return (slot === undefined ? undefined : overrides[slot]) ?? base;
}

/** The same with another edit in a slot, or everywhere. */
export function withEdit(edits: Edits, slot: string | undefined, edit: Edit): Edits {
  if (slot === undefined) return { ...edits, base: edit };
  return { ...edits, overrides: { ...edits.overrides, [slot]: edit } };
}

/** The same without the slots' own edits: what is done everywhere is done there, too. */
export function withoutOverrides(edits: Edits, slots: readonly string[]): Edits {
  return {
    ...edits,
    overrides: Object.fromEntries(Object.entries(edits.overrides).filter(([slot]) => !slots.includes(slot))),
  };
}

/** The slots with an edit of their own that does something else than what is done everywhere. */
export function customSlots({ base, overrides }: Edits): string[] {
  return Object.keys(overrides)
    .filter((slot) => !sameEdit(overrides[slot] ?? base, base))
    .sort();
}

/** The same as the server keeps it: without edits that repeat what is done everywhere, and without cuts that cut nothing. */
export function tidy(edits: Edits): Edits {
  const kept = customSlots(edits).map((slot) => [slot, tidyEdit(editFor(edits, slot))] as const);
  return { base: tidyEdit(edits.base), overrides: Object.fromEntries(kept) };
}

function tidyEdit(edit: Edit): Edit {
  return edit.crop && sameBox(edit.crop, WHOLE) ? { ...edit, crop: null } : edit;
}

export function sameEdits(one: Edits, other: Edits): boolean {
  const [first, second] = [tidy(one), tidy(other)];
  const slots = Object.keys(first.overrides);
  return (
    sameEdit(first.base, second.base) &&
    slots.length === Object.keys(second.overrides).length &&
    slots.every((slot) => slot in second.overrides && sameEdit(editFor(first, slot), editFor(second, slot)))
  );
}

/** Whether two edits come to the same. No crop is a crop of everything; no background is white. */
export function sameEdit(one: Edit, other: Edit): boolean {
  return (
    one.quarter_turns === other.quarter_turns &&
    one.mirrored === other.mirrored &&
    sameBox(one.crop ?? WHOLE, other.crop ?? WHOLE) &&
    samePoint(one.focus, other.focus) &&
    (one.background ?? '#ffffff').toLowerCase() === (other.background ?? '#ffffff').toLowerCase()
  );
}

export function sameBox(one: Box, other: Box): boolean {
  return (['left', 'top', 'right', 'bottom'] as const).every((side) => near(one[side], other[side]));
}

function samePoint(one: Point | null, other: Point | null): boolean {
  if (!one || !other) return one === other;
  return near(one.x, other.x) && near(one.y, other.y);
}

function near(one: number, other: number): boolean {
  return Math.abs(one - other) < NEAR;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
