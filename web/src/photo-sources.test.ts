import { describe, expect, it } from 'vitest';
import type { Thumbnail } from './api/types';
import { photoSources } from './photo-sources';

const thumbnail = (side: number, format: string, width = side, height = side): Thumbnail => ({
  url: `/${side}.${format}`,
  content_type: `image/${format}`,
  width,
  height,
});

const ALL = [
  thumbnail(320, 'avif'),
  thumbnail(320, 'webp'),
  thumbnail(640, 'avif'),
  thumbnail(640, 'webp'),
  thumbnail(1280, 'webp'),
];

const told = (thumbnails: Thumbnail[], side: number) =>
  photoSources(thumbnails, side).map(({ type, srcSet }) => `${type}: ${srcSet}`);

describe('the sources of a photo', () => {
  it('offer the smaller format first, for plain and for sharp screens', () => {
    expect(told(ALL, 320)).toEqual([
      'image/avif: /320.avif 1x, /640.avif 2x',
      'image/webp: /320.webp 1x, /640.webp 2x',
    ]);
  });

  it('leave out a format that would be blurred where another is sharp', () => {
    expect(told(ALL, 640)).toEqual(['image/webp: /640.webp 1x, /1280.webp 2x']);
  });

  it('take the largest where none is large enough', () => {
    expect(told([thumbnail(320, 'webp')], 640)).toEqual(['image/webp: /320.webp']);
  });

  it('measure a picture by its longest side', () => {
    const tall = [thumbnail(320, 'webp', 80, 320), thumbnail(640, 'webp', 160, 640)];
    expect(told(tall, 320)).toEqual(['image/webp: /320.webp 1x, /640.webp 2x']);
  });

  it('name no file twice where a small picture has the same size in both', () => {
    const small = [thumbnail(320, 'webp', 200, 200), thumbnail(640, 'webp', 200, 200)];
    expect(told(small, 320)).toEqual(['image/webp: /640.webp']);
  });

  it('are none where there are no thumbnails', () => {
    expect(photoSources([], 320)).toEqual([]);
  });

  it('read what older pictures have', () => {
    expect(told([thumbnail(640, 'jpeg'), thumbnail(320, 'jpeg')], 320)).toEqual([
      'image/jpeg: /320.jpeg 1x, /640.jpeg 2x',
    ]);
  });
});
