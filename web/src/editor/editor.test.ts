import { describe, expect, it } from 'vitest';
import type { Connection, Platform } from '../api/types';
import { facesIn } from '../edits/faces';
import { PLAIN } from '../edits/model';
import { turned } from '../edits/turning';
import { shapesFor } from './shapes';
import { placesOf, ratioOf } from './slots';

function platform(id: string, modes: Record<string, string>): Platform {
  const slots = Object.fromEntries(
    Object.entries(modes).map(([kind, mode]) => [
      kind,
      { key: `${id}.${kind}`, mode, size: kind === 'banner' ? [1500, 500] : [400, 400] },
    ]),
  );
  return { id, name: id.toUpperCase(), slots } as unknown as Platform;
}

describe('the places to preview', () => {
  const platforms = [
    platform('a', { avatar: 'read_only', banner: 'none' }),
    platform('b', { avatar: 'write', banner: 'assisted' }),
    platform('c', { avatar: 'assisted' }),
  ];

  it('are those that take a picture, connected accounts first', () => {
    const names = (connections: Connection[]) => placesOf(platforms, connections).map(({ name }) => name);
    expect(names([])).toEqual(['B avatar', 'B banner', 'C avatar']);
    expect(names([{ platform: 'c' } as Connection])).toEqual(['C avatar', 'B avatar', 'B banner']);
  });

  it('offer their shape, unless it is there under another name', () => {
    const [avatar, banner] = placesOf(platforms, []);
    expect(banner && ratioOf(banner)).toBe(3);
    const ids = (place: typeof avatar) => shapesFor({ width: 800, height: 600 }, place).map(({ id }) => id);
    expect(ids(undefined)).toEqual(['free', 'original', 'square', 'banner']);
    expect(ids(avatar)).toEqual(['free', 'original', 'square', 'banner']);
    const narrow = banner && { ...banner, slot: { ...banner.slot, size: [400, 100] } };
    expect(ids(narrow)).toEqual(['free', 'original', 'square', 'banner', 'place']);
    // No room for a banner of at least 16 pixels in height.
    expect(shapesFor({ width: 40, height: 40 }, undefined).map(({ id }) => id)).toEqual(['free', 'original', 'square']);
  });
});

describe('the faces of a picture', () => {
  const face = { left: 0.1, top: 0.2, right: 0.3, bottom: 0.5 };
  const right = turned(PLAIN, 'right');

  it('turn along, from where they were found', () => {
    const image = { state: 'ready', revision: 2, faces: [face] } as const;
    const [there] = facesIn({ ...image, faces: [...image.faces] }, { number: 2, base: right }, turned(right, 'right'));
    expect(there?.left).toBeCloseTo(0.5);
    expect(there?.top).toBeCloseTo(0.1);
    expect(there?.right).toBeCloseTo(0.8);
    expect(there?.bottom).toBeCloseTo(0.3);
  });

  it('are not known while another revision is being made', () => {
    const revision = { number: 3, base: PLAIN };
    expect(facesIn({ state: 'ready', revision: 2, faces: [face] }, revision, PLAIN)).toEqual([]);
    expect(facesIn({ state: 'processing', revision: 3, faces: [face] }, revision, PLAIN)).toEqual([]);
  });
});
