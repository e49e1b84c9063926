import { describe, expect, it } from 'vitest';
import { hashOf } from './hash';

describe('the hash of a file', () => {
  it('is its SHA-256 in hex', async () => {
    expect(await hashOf(new Blob(['abc']))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('is left out where the browser makes none, and for files that would be refused anyway', async () => {
    const unread = { size: 65_000_000, arrayBuffer: () => Promise.reject(new Error('read')) } as unknown as Blob;
    expect(await hashOf(new Blob(['abc']), null)).toBeNull();
    expect(await hashOf(unread)).toBeNull();
  });
});
