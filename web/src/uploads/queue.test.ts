import { describe, expect, it } from 'vitest';
import { Problem } from '../api/problem';
import type { Image } from '../api/types';
import { UploadQueue, type UploadSteps } from './queue';
import type { SendOptions } from './send';

interface Sending {
  file: File;
  options: SendOptions;
  finish(): void;
  fail(error: unknown): void;
}

/** A queue whose network is in the test's hands; the library has files of these names already. */
function setUp(...there: string[]) {
  const sendings: Sending[] = [];
  const dropped: string[] = [];
  const done: string[] = [];
  let keys = 0;
  const steps: UploadSteps = {
    prepare: async (file) => file,
    findKnown: async (file) => (there.includes(file.name) ? ({ id: `old ${file.name}` } as Image) : null),
    send: (file, options) =>
      new Promise((resolve, reject) => {
        options.signal.addEventListener('abort', () => reject(options.signal.reason));
        sendings.push({ file, options, finish: () => resolve({ id: file.name } as Image), fail: reject });
      }),
    newKey: () => {
      keys += 1;
      return `k${keys}`;
    },
    preview: (file) => `blob:${file.name}`,
    dropPreview: (address) => dropped.push(address),
  };
  const queue = new UploadQueue(steps);
  queue.whenDone((image) => done.push(image.id));
  return { queue, sendings, dropped, done };
}

const files = (...names: string[]) => names.map((name) => new File(['x'], name));
const settled = () => new Promise((resolve) => setTimeout(resolve));
const states = (queue: UploadQueue) => queue.snapshot().map((upload) => `${upload.fileName} ${upload.state}`);

describe('the upload queue', () => {
  it('sends two at a time, in order', async () => {
    const { queue, sendings, done } = setUp();
    queue.add(files('a', 'b', 'c'));
    await settled();
    expect(states(queue)).toEqual(['a sending', 'b sending', 'c waiting']);
    sendings[0]?.finish();
    await settled();
    expect(states(queue)).toEqual(['b sending', 'c sending']);
    expect(done).toEqual(['a']);
  });

  it('keeps a failed upload with its reason, and lets the others go on', async () => {
    const { queue, sendings } = setUp();
    queue.add(files('a', 'b', 'c'));
    await settled();
    sendings[0]?.fail(Problem.read(400, new Headers(), '{"detail": "Not a picture."}'));
    await settled();
    expect(states(queue)).toEqual(['a failed', 'b sending', 'c sending']);
    expect(queue.snapshot()[0]?.problem?.detail).toBe('Not a picture.');
  });

  it('tries again under the same key, so that no picture is made twice', async () => {
    const { queue, sendings } = setUp();
    queue.add(files('a'));
    await settled();
    sendings[0]?.fail(Problem.unreachable());
    await settled();
    queue.retry('k1');
    await settled();
    expect(sendings.map((sending) => sending.options.idempotencyKey)).toEqual(['k1', 'k1']);
  });

  it('cancels what is under way and starts the next', async () => {
    const { queue, sendings, dropped } = setUp();
    queue.add(files('a', 'b', 'c'));
    await settled();
    queue.remove('k1');
    await settled();
    expect(sendings[0]?.options.signal.aborted).toBe(true);
    expect(states(queue)).toEqual(['b sending', 'c sending']);
    expect(dropped).toEqual(['blob:a']);
  });

  it('asks about a file that the library has, and lets the others go on', async () => {
    const { queue, sendings } = setUp('a');
    queue.add(files('a', 'b', 'c'));
    await settled();
    expect(states(queue)).toEqual(['a known', 'b sending', 'c sending']);
    expect(queue.snapshot()[0]?.known?.id).toBe('old a');
    expect(sendings.map((sending) => sending.file.name)).toEqual(['b', 'c']);
  });

  it('sends a file that the library has when its owner wants it, and asks no more', async () => {
    const { queue, sendings, done } = setUp('a');
    queue.add(files('a'));
    await settled();
    queue.sendAnyway('k1');
    await settled();
    expect(states(queue)).toEqual(['a sending']);
    sendings[0]?.fail(Problem.unreachable());
    await settled();
    queue.retry('k1');
    await settled();
    sendings[1]?.finish();
    await settled();
    expect(done).toEqual(['a']);
  });

  it('tells of progress', async () => {
    const { queue, sendings } = setUp();
    let told = 0;
    queue.subscribe(() => {
      told += 1;
    });
    queue.add(files('a'));
    await settled();
    const before = told;
    sendings[0]?.options.onProgress(0.5);
    expect(queue.snapshot()[0]?.share).toBe(0.5);
    expect(told).toBe(before + 1);
  });

  it('lets go of everything when the account goes', async () => {
    const { queue, sendings } = setUp();
    queue.add(files('a', 'b', 'c'));
    await settled();
    queue.clear();
    await settled();
    expect(queue.snapshot()).toEqual([]);
    expect(sendings.every((sending) => sending.options.signal.aborted)).toBe(true);
  });
});
