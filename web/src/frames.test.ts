import { describe, expect, it } from 'vitest';
import type { Frame } from './api/types';
import { cutWords, facesWords, frameReason, squarePosition } from './frames';

const frame = (more: Partial<Frame>): Frame => ({ left: 0, top: 0, right: 1, bottom: 1, reason: 'centre', ...more });

describe('a frame in words', () => {
  it.each([
    ['whole', 'All of the picture'],
    ['crop', 'Cut as you chose'],
    ['focus', 'Framed around the point that you chose'],
    ['saliency', 'Framed around what stands out'],
    ['centre', 'The middle: nothing stands out'],
  ] as const)('says why: %s', (reason, words) => {
    expect(frameReason(frame({ reason }), 0)).toBe(words);
  });

  it('tells one face from more', () => {
    expect(frameReason(frame({ reason: 'faces' }), 1)).toBe('Framed around the face');
    expect(frameReason(frame({ reason: 'faces' }), 3)).toBe('Framed around the faces');
  });

  it('says what is cut off, and leaves out what is not', () => {
    expect(cutWords(frame({ left: 0.125, right: 0.75 }))).toBe('Cut off: 13 % at the left, 25 % at the right.');
    expect(cutWords(frame({ top: 0.2, bottom: 0.999 }))).toBe('Cut off: 20 % at the top.');
    expect(cutWords(frame({}))).toBe('Nothing is cut off.');
  });

  it.each([
    [0, 'No face was found.'],
    [1, 'One face was found.'],
    [4, '4 faces were found.'],
  ])('counts %i faces', (count, words) => {
    expect(facesWords(count)).toBe(words);
  });
});

describe('a square of a picture', () => {
  const face = (left: number, top: number) => ({ left, top, right: left + 0.1, bottom: top + 0.1 });

  it('has the face in its middle where there is room', () => {
    expect(squarePosition({ width: 400, height: 100, faces: [face(0.45, 0)] })).toBe('50% 50%');
    expect(squarePosition({ width: 100, height: 400, faces: [face(0, 0.3)] })).toBe('50% 30%');
  });

  it('goes to the edge and no further', () => {
    expect(squarePosition({ width: 300, height: 100, faces: [face(0.9, 0.2)] })).toBe('100% 50%');
    expect(squarePosition({ width: 300, height: 100, faces: [face(0, 0.2)] })).toBe('0% 50%');
  });

  it('shows the largest of many, and the middle where there is none', () => {
    expect(squarePosition({ width: 300, height: 100, faces: [face(0.9, 0), face(0, 0)] })).toBe('100% 50%');
    expect(squarePosition({ width: 300, height: 100, faces: [] })).toBeUndefined();
  });
});
