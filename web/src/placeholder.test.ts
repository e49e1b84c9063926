import { rgbaToThumbHash } from 'thumbhash';
import { describe, expect, it } from 'vitest';
import { placeholderAddress } from './placeholder';

const teal = rgbaToThumbHash(
  4,
  4,
  Array.from({ length: 64 }, (_, at) => [0, 128, 128, 255][at % 4] ?? 0),
);

describe('a placeholder', () => {
  it('is drawn from its hash as a picture without an address of its own', () => {
    expect(placeholderAddress(btoa(String.fromCharCode(...teal)))).toMatch(/^data:image\/png;base64,/);
  });

  it.each([null, '', 'not base64!', 'AA=='])('is none where %j is no hash', (hash) => {
    expect(placeholderAddress(hash)).toBeNull();
  });
});
