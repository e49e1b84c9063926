import { describe, expect, it } from 'vitest';
import { storageOf } from './storage';

const QUOTA = 2_000_000_000;

describe('how full the library is', () => {
  it.each([
    [412_000_000, 'fine', '412 MB of 2 GB used'],
    [1_799_999_999, 'fine', '1.8 GB of 2 GB used'],
    [1_800_000_000, 'nearly-full', '1.8 GB of 2 GB used'],
    [2_000_000_000, 'full', '2 GB of 2 GB used'],
    [2_500_000_000, 'full', '2.5 GB of 2 GB used'],
  ])('with %d bytes is %s: %s', (used_bytes, level, text) => {
    expect(storageOf({ used_bytes, quota_bytes: QUOTA })).toMatchObject({ level, text });
  });

  it('is never more than all of it', () => {
    expect(storageOf({ used_bytes: 3 * QUOTA, quota_bytes: QUOTA }).share).toBe(1);
  });

  it('has no share where there is no limit', () => {
    expect(storageOf({ used_bytes: 5000, quota_bytes: null })).toEqual({
      share: null,
      level: 'fine',
      text: '5 kB used',
    });
  });
});
