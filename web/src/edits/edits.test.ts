import { describe, expect, it } from 'vitest';
import type { Edit, Edits } from '../api/types';
import { HANDLES, hasRoomFor, inPixels, LOWER_RIGHT, moved, ofPixels, resized, shaped } from './cropping';
import { shownBox } from './framing';
import { redo, startHistory, step, undo } from './history';
import { type Box, customSlots, PLAIN, sameEdit, sameEdits, tidy, turnedSize, WHOLE, withoutOverrides } from './model';
import { mirrored, seenBox, turned, uprightBox } from './turning';
import { cropWords, editsWords } from './words';

/** The same numbers at each run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `count` edits of every turn and mirror, with a crop and a focus somewhere. */
function someEdits(count = 40): Edit[] {
  const roll = dice(7);
  return Array.from({ length: count }, (_, at) => {
    const [left, top] = [roll() * 0.7, roll() * 0.7];
    const crop = { left, top, right: left + 0.1 + roll() * 0.2, bottom: top + 0.1 + roll() * 0.2 };
    return { ...PLAIN, quarter_turns: at % 4, mirrored: roll() < 0.5, crop, focus: { x: roll(), y: roll() } };
  });
}

const right = (edit: Edit) => turned(edit, 'right');
const left = (edit: Edit) => turned(edit, 'left');
const twice = (change: (edit: Edit) => Edit) => (edit: Edit) => change(change(edit));

/** What an edit makes of a picture of letters, done as the server does it: turned, then mirrored, then cut. */
function made(picture: string[][], edit: Edit): string[][] {
  let rows = picture;
  for (let quarter = 0; quarter < edit.quarter_turns; quarter += 1) rows = turnedRows(rows);
  if (edit.mirrored) rows = rows.map((row) => [...row].reverse());
  const { left: from, top, right: to, bottom } = edit.crop ?? WHOLE;
  const [across, down] = [rows[0]?.length ?? 0, rows.length];
  return rows
    .slice(Math.round(top * down), Math.round(bottom * down))
    .map((row) => row.slice(Math.round(from * across), Math.round(to * across)));
}

function turnedRows(rows: string[][]): string[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? '').reverse());
}

const LETTERS = ['abcd', 'efgh', 'ijkl'].map((row) => [...row]);

describe('turning and mirroring', () => {
  it('comes back after four turns, two mirrors, a turn and its opposite', () => {
    for (const edit of someEdits()) {
      expect(sameEdit(twice(twice(right))(edit), edit)).toBe(true);
      expect(sameEdit(twice(mirrored)(edit), edit)).toBe(true);
      expect(sameEdit(left(right(edit)), edit)).toBe(true);
      expect(sameEdit(twice(left)(edit), twice(right)(edit))).toBe(true);
    }
  });

  it('turns the other way round in a mirror', () => {
    for (const edit of someEdits()) {
      expect(sameEdit(mirrored(right(mirrored(edit))), left(edit))).toBe(true);
    }
  });

  it('keeps the same content chosen, and turns it as the person sees it', () => {
    // Two by one letters of four by three, wherever they are.
    for (const [column, row] of [0, 1, 2].flatMap((x) => [0, 1, 2].map((y) => [x, y] as const))) {
      const crop = { left: column / 4, top: row / 3, right: (column + 2) / 4, bottom: (row + 1) / 3 };
      let edit: Edit = { ...PLAIN, crop };
      let seen = made(LETTERS, edit);
      for (const change of [right, mirrored, right, right, left, mirrored, left, mirrored, right]) {
        edit = change(edit);
        seen = change === mirrored ? seen.map((line) => [...line].reverse()) : turnedRows(seen);
        if (change === left) seen = turnedRows(turnedRows(seen));
        expect(made(LETTERS, edit)).toEqual(seen);
      }
    }
  });

  it('finds what is seen in the upright picture, and the way back', () => {
    const eye = { left: 0.25, top: 0, right: 0.5, bottom: 1 / 3 };
    for (const edit of someEdits()) {
      const seen = seenBox(eye, edit);
      expect(made(LETTERS, { ...edit, crop: seen })).toEqual([['b']]);
      for (const side of ['left', 'top', 'right', 'bottom'] as const)
        expect(uprightBox(seen, edit)[side]).toBeCloseTo(eye[side]);
    }
  });
});

describe('a crop', () => {
  const size = { width: 800, height: 400 };
  const pixels = ({ left: from, top, right: to, bottom }: Box) => [
    (to - from) * size.width,
    (bottom - top) * size.height,
  ];

  function expectInside({ left: from, top, right: to, bottom }: Box): void {
    for (const edge of [from, top, to, bottom]) {
      expect(edge).toBeGreaterThanOrEqual(0);
      expect(edge).toBeLessThanOrEqual(1);
    }
  }

  it('moves as far as the picture goes and keeps its size', () => {
    const roll = dice(3);
    for (const { crop } of someEdits()) {
      if (!crop) continue;
      const result = moved(crop, roll() * 4 - 2, roll() * 4 - 2);
      expectInside(result);
      expect(result.right - result.left).toBeCloseTo(crop.right - crop.left);
      expect(result.bottom - result.top).toBeCloseTo(crop.bottom - crop.top);
    }
  });

  it.each([[null], [1], [3], [0.4]])(
    'stays inside, large enough and in shape %s whichever handle is pulled',
    (ratio) => {
      const roll = dice(11);
      for (const { crop } of someEdits()) {
        if (!crop) continue;
        const start = ratio === null ? crop : shaped(crop, { size, ratio });
        for (const handle of HANDLES) {
          const result = resized(start, handle, roll() * 3 - 1.5, roll() * 3 - 1.5, { size, ratio });
          expectInside(result);
          const [width = 0, height = 0] = pixels(result);
          expect(Math.min(width, height)).toBeGreaterThanOrEqual(16);
          if (ratio !== null) expect(width / height).toBeCloseTo(ratio, 6);
        }
      }
    },
  );

  it('moves only the edges of its handle', () => {
    const crop = { left: 0.2, top: 0.2, right: 0.6, bottom: 0.6 };
    const free = { size, ratio: null };
    const east = HANDLES.find(({ name }) => name === 'e') ?? LOWER_RIGHT;
    expect(resized(crop, east, 0.1, 0.3, free)).toEqual({ ...crop, right: 0.7 });
    // The corner opposite stays where it is, in a shape as well, and either way alone makes it smaller.
    for (const [across, down] of [
      [-0.1, -0.1],
      [-0.125, 0],
      [0, -0.5],
    ] as const) {
      const inShape = resized(crop, LOWER_RIGHT, across, down, { size, ratio: 2 });
      expect([inShape.left, inShape.top]).toEqual([0.2, 0.2]);
      expect(inShape.right).toBeCloseTo(0.5);
      expect(inShape.bottom).toBeCloseTo(0.5);
    }
  });

  it('takes a shape around its middle, and is not smaller for trying others', () => {
    expect(shaped(WHOLE, { size, ratio: 1 })).toEqual({ left: 0.25, top: 0, right: 0.75, bottom: 1 });
    const square = { left: 0.3, top: 0.4, right: 0.4, bottom: 0.6 };
    const there = shaped(square, { size, ratio: 3 });
    const back = shaped(there, { size, ratio: 1 });
    for (const side of ['left', 'top', 'right', 'bottom'] as const) expect(back[side]).toBeCloseTo(square[side]);
  });

  it('is not offered a shape that a small picture has no room for', () => {
    expect(hasRoomFor({ size: { width: 40, height: 40 }, ratio: 3 })).toBe(false);
    expect(hasRoomFor({ size: { width: 60, height: 40 }, ratio: 3 })).toBe(true);
  });

  it('is read and typed in pixels', () => {
    const crop = { left: 0.1, top: 0.25, right: 0.6, bottom: 0.75 };
    expect(inPixels(crop, size)).toEqual({ x: 80, y: 100, width: 400, height: 200 });
    const again = ofPixels(inPixels(crop, size), size);
    for (const side of ['left', 'top', 'right', 'bottom'] as const) expect(again[side]).toBeCloseTo(crop[side]);
    const tooMuch = ofPixels({ x: 790, y: -5, width: 3, height: 4000 }, size);
    expectInside(tooMuch);
    expect(inPixels(tooMuch, size)).toEqual({ x: 784, y: 0, width: 16, height: 400 });
  });

  it('is said in pixels of the turned picture', () => {
    const crop = { left: 0.1, top: 0.25, right: 0.6, bottom: 0.75 };
    expect(cropWords(crop, size)).toBe('400 by 200 pixels, 80 from the left, 100 from the top');
    expect(cropWords(crop, turnedSize(size, right(PLAIN)))).toBe(
      '200 by 400 pixels, 40 from the left, 200 from the top',
    );
    expect(cropWords(WHOLE, size)).toBe('All of the picture');
  });
});

describe('what a place shows', () => {
  const size = { width: 300, height: 100 };

  it('is the largest part of its shape: in the middle, or around the focus as far as the crop goes', () => {
    const third = { left: 1 / 3, top: 0, right: 2 / 3, bottom: 1 };
    for (const side of ['left', 'top', 'right', 'bottom'] as const)
      expect(shownBox(PLAIN, size, 1)[side]).toBeCloseTo(third[side]);
    expect(shownBox({ ...PLAIN, focus: { x: 0.05, y: 0.5 } }, size, 1).left).toBe(0);
    const half = { left: 0.5, top: 0, right: 1, bottom: 1 };
    expect(shownBox({ ...PLAIN, crop: half, focus: { x: 0.1, y: 0.5 } }, size, 1).left).toBe(0.5);
    expect(shownBox({ ...PLAIN, crop: half }, size, 1.5)).toEqual(half);
  });
});

describe('edits', () => {
  const cut = { ...PLAIN, crop: { left: 0, top: 0, right: 0.5, bottom: 1 } };
  const edits: Edits = { base: cut, overrides: { 'b.avatar': PLAIN, 'a.banner': { ...cut } } };

  it('are the same with and without what changes nothing', () => {
    expect(sameEdit(PLAIN, { ...PLAIN, crop: WHOLE, background: '#FFFFFF' })).toBe(true);
    expect(sameEdit(PLAIN, { ...PLAIN, focus: { x: 0.5, y: 0.5 } })).toBe(false);
    expect(sameEdits(edits, { base: cut, overrides: { 'b.avatar': { ...PLAIN, crop: WHOLE } } })).toBe(true);
    expect(sameEdits(edits, { base: cut, overrides: { 'c.avatar': PLAIN } })).toBe(false);
    expect(sameEdits(edits, { base: cut, overrides: {} })).toBe(false);
  });

  it('count the places that have something of their own, and lose them on wish', () => {
    expect(customSlots(edits)).toEqual(['b.avatar']);
    expect(tidy(edits).overrides).toEqual({ 'b.avatar': PLAIN });
    expect(customSlots(withoutOverrides(edits, ['b.avatar']))).toEqual([]);
  });

  it('are said in a few words', () => {
    expect(editsWords({ base: PLAIN, overrides: {} })).toBe('As uploaded');
    expect(editsWords({ base: right(cut), overrides: { 'b.avatar': PLAIN } })).toBe(
      'Cropped, turned, one place of its own',
    );
  });
});

describe('the steps of a session', () => {
  it('go back and forth, and a new one ends what lay ahead', () => {
    let history = step(step(startHistory('a'), 'b'), 'c');
    history = undo(undo(undo(history)));
    expect(history.present).toBe('a');
    history = redo(history);
    expect(history.present).toBe('b');
    history = step(history, 'd');
    expect(redo(history)).toBe(history);
    expect(undo(history).present).toBe('b');
  });

  it('are one for all of a gesture', () => {
    let history = startHistory(0);
    for (const at of [1, 2, 3]) history = step(history, at, 'drag 1');
    history = step(history, 4, 'drag 2');
    expect(undo(history).present).toBe(3);
    expect(undo(undo(history)).present).toBe(0);
    // What was undone is not gone on with.
    expect(undo(step(undo(history), 5, 'drag 1')).present).toBe(3);
  });
});
