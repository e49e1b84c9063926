import { describe, expect, it } from 'vitest';
import type { LiveUpdate } from '../api/types';
import { LIVE_KEYS, outdatedBy } from './invalidation';

const update = (parts: Partial<LiveUpdate>): LiveUpdate => ({
  kind: 'image',
  id: 'i1',
  state: null,
  parent_id: null,
  ...parts,
});

describe('a word from the live stream', () => {
  it('about a picture outdates it, its variants with it, the library, the defaults and the avatar', () => {
    expect(outdatedBy(update({ kind: 'image', state: 'ready' }))).toEqual([
      ['images', 'list'],
      ['images', 'one', 'i1'],
      ['library'],
      ['defaults'],
      ['avatar-settings'],
    ]);
  });

  it('about a target outdates its sync and its timeline', () => {
    const outdated = outdatedBy(update({ kind: 'target', id: 't1', parent_id: 's1', state: 'sending' }));
    expect(outdated).toEqual([
      ['syncs', 'list'],
      ['syncs', 'one', 's1'],
      ['steps', 't1'],
    ]);
  });

  it('about a verified target outdates what the accounts show and the figures', () => {
    const outdated = outdatedBy(update({ kind: 'target', id: 't1', parent_id: 's1', state: 'verified' }));
    expect(outdated).toContainEqual(['connections']);
    expect(outdated).toContainEqual(['analytics']);
  });

  it('about a target of an unnamed sync outdates all syncs', () => {
    expect(outdatedBy(update({ kind: 'target', id: 't1' }))).toContainEqual(['syncs']);
  });

  it.each([
    ['defaults', [['defaults'], ['images', 'list'], ['avatar-settings']]],
    ['connection', [['connections']]],
    ['notice', [['notices']]],
  ] as const)('about a %s outdates what shows them', (kind, expected) => {
    expect(outdatedBy(update({ kind }))).toEqual(expected);
  });

  it('of a kind that this page does not know changes nothing', () => {
    expect(outdatedBy(update({ kind: 'campaign' as LiveUpdate['kind'] }))).toEqual([]);
  });

  it('outdates nothing that a gap would leave alone', () => {
    const kinds: LiveUpdate['kind'][] = ['image', 'defaults', 'connection', 'sync', 'target', 'notice'];
    const outdated = kinds.flatMap((kind) => outdatedBy(update({ kind, parent_id: 's1', state: 'verified' })));
    const firstWords = new Set(LIVE_KEYS.map((key) => key[0]));
    expect(outdated.filter((key) => !firstWords.has(key[0]))).toEqual([]);
  });
});
