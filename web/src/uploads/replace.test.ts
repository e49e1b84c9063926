import { describe, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import type { Image } from '../api/types';
import { type ReplaceSteps, replaceImage } from './replace';

const OLD = { id: 'old', alt_text: 'A pagoda' };
const FILE = new File(['x'], 'new.jpg');

/** Steps that tell what was done, in order. */
function setUp(changed: Partial<ReplaceSteps> = {}) {
  const done: string[] = [];
  const steps: ReplaceSteps = {
    prepare: async (file) => file,
    send: async (file, { altText, idempotencyKey }) => {
      done.push(`send ${file.name} (${altText}) as ${idempotencyKey}`);
      return { id: 'new' } as Image;
    },
    remove: async (id) => {
      done.push(`remove ${id}`);
    },
    ...changed,
  };
  const replace = (signal = new AbortController().signal) =>
    replaceImage(OLD, FILE, { idempotencyKey: 'k1', onProgress: () => undefined, signal }, steps);
  return { replace, done };
}

describe('replacing a picture', () => {
  it('sends the new one with the description of the old, and then deletes the old', async () => {
    const { replace, done } = setUp();
    expect((await replace()).id).toBe('new');
    expect(done).toEqual(['send new.jpg (A pagoda) as k1', 'remove old']);
  });

  it('keeps the old one when the new one is not taken', async () => {
    const { replace, done } = setUp({ send: () => Promise.reject(Problem.unreachable()) });
    await expect(replace()).rejects.toBeInstanceOf(Problem);
    expect(done).toEqual([]);
  });

  it('keeps the old one when it is called off', async () => {
    const { replace, done } = setUp({
      prepare: async (file, signal) => {
        signal.throwIfAborted();
        return file;
      },
    });
    const abort = new AbortController();
    abort.abort();
    await expect(replace(abort.signal)).rejects.toThrow();
    expect(done).toEqual([]);
  });

  it('goes on with the new one when the old one cannot be deleted', async () => {
    const { replace } = setUp({ remove: () => Promise.reject(Problem.unreachable()) });
    expect((await replace()).id).toBe('new');
  });
});
