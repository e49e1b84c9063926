import { describe, expect, it } from 'vitest';
import { kindOf } from './accepted';

describe('the kind of a file', () => {
  it.each([
    ['IMG_1.HEIC', 'HEIC'],
    ['scan.old.tiff', 'TIFF'],
    ['picture', ''],
    ['.hidden file', ''],
    ['me.', ''],
  ])('of %s is %s', (name, kind) => {
    expect(kindOf(name)).toBe(kind);
  });
});
