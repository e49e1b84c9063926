import { describe, expect, it } from 'vitest';
import type { Connection } from './api/types';
import {
  appliesOn,
  appliesTo,
  choose,
  customCount,
  type Defaults,
  EVERYWHERE,
  slotsOf,
  syncsFor,
  withoutCustom,
  withoutGaps,
} from './defaults';

const account = (id: string, platform: string, modes: Record<string, string> = { avatar: 'write' }) =>
  ({
    id,
    platform,
    slots: Object.entries(modes).map(([slot, mode]) => ({ slot, mode, observed: null })),
  }) as unknown as Connection;

const DEFAULTS: Defaults = withoutGaps({
  avatar: { everywhere: 'all', platforms: { hill: 'hills' }, connections: { c2: 'mine' } },
});

describe('the picture for an account', () => {
  it.each([
    ['c2', 'hill', { imageId: 'mine', from: 'connection' }],
    ['c1', 'hill', { imageId: 'hills', from: 'platform' }],
    ['c3', 'lake', { imageId: 'all', from: 'everywhere' }],
  ])('%s on %s is the closest choice', (id, platform, expected) => {
    expect(appliesTo(DEFAULTS.avatar, { id, platform })).toEqual(expected);
  });

  it('is none where nothing is chosen', () => {
    expect(appliesTo(DEFAULTS.banner, { id: 'c2', platform: 'hill' })).toBeNull();
    expect(appliesOn(DEFAULTS.banner, 'hill')).toBeNull();
  });
});

describe('a choice', () => {
  it('leaves all others alone', () => {
    const changed = choose(DEFAULTS, 'avatar', { kind: 'platform', id: 'lake' }, 'lakes');
    expect(changed.avatar).toEqual({ ...DEFAULTS.avatar, platforms: { hill: 'hills', lake: 'lakes' } });
    expect(changed.banner).toEqual(DEFAULTS.banner);
    expect(DEFAULTS.avatar.platforms).toEqual({ hill: 'hills' });
  });

  it('can be taken back, so that the next one applies', () => {
    const changed = choose(DEFAULTS, 'avatar', { kind: 'connection', id: 'c2' }, null);
    expect(appliesTo(changed.avatar, { id: 'c2', platform: 'hill' })).toEqual({ imageId: 'hills', from: 'platform' });
  });

  it('for everywhere can be none', () => {
    expect(choose(DEFAULTS, 'avatar', EVERYWHERE, null).avatar.everywhere).toBeNull();
  });

  it('is counted as custom unless it is for everywhere, and reset with all others', () => {
    expect(customCount(DEFAULTS)).toBe(2);
    expect(withoutCustom(DEFAULTS).avatar).toEqual({ everywhere: 'all', platforms: {}, connections: {} });
  });

  it('makes its picture a default of that slot', () => {
    const both = choose(DEFAULTS, 'banner', EVERYWHERE, 'mine');
    expect([slotsOf(both, 'mine'), slotsOf(both, 'hills'), slotsOf(both, 'other')]).toEqual([
      ['avatar', 'banner'],
      ['avatar'],
      [],
    ]);
  });
});

describe('bringing the defaults everywhere', () => {
  it('is one sync for each picture of a slot, to the accounts that take it', () => {
    const accounts = [
      account('c1', 'hill'),
      account('c2', 'hill'),
      account('c3', 'lake', { avatar: 'assisted', banner: 'write' }),
      account('c4', 'lake'),
      account('c5', 'sea', { avatar: 'read_only' }),
    ];
    const both = choose(DEFAULTS, 'banner', EVERYWHERE, 'wide');
    expect(syncsFor(both, accounts)).toEqual([
      { image_id: 'hills', slot: 'avatar', connection_ids: ['c1'], dry_run: false },
      { image_id: 'mine', slot: 'avatar', connection_ids: ['c2'], dry_run: false },
      { image_id: 'all', slot: 'avatar', connection_ids: ['c3', 'c4'], dry_run: false },
      { image_id: 'wide', slot: 'banner', connection_ids: ['c3'], dry_run: false },
    ]);
  });

  it('is nothing where no account takes anything, never a sync to all', () => {
    expect(syncsFor(DEFAULTS, [])).toEqual([]);
  });
});
