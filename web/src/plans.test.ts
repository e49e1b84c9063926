import { describe, expect, it } from 'vitest';
import type { Target, TargetState } from './api/types';
import { planGroups, planSentence, syncWords, withoutUnable } from './plans';

const plan = (...states: TargetState[]) =>
  states.map((state, index) => ({ connection_id: `c${index}`, state })) as unknown as Target[];

describe('a plan', () => {
  it('is told in one sentence, in the order of what there is to do', () => {
    const targets = plan('failed', 'verified', 'queued', 'needs_you', 'queued', 'queued');
    expect(planSentence(targets)).toBe('3 will change, 1 needs you, 1 is right already, 1 cannot.');
  });

  it('counts in the plural, too', () => {
    const targets = plan('needs_you', 'needs_you', 'verified', 'verified', 'paused', 'paused');
    expect(planSentence(targets)).toBe('2 need you, 2 will wait, 2 are right already.');
  });

  it('shows every place once, grouped by what will happen', () => {
    const groups = planGroups(plan('failed', 'queued', 'paused', 'queued'));
    expect(groups.map(({ foreseen, targets }) => [foreseen, targets.map((one) => one.connection_id)])).toEqual([
      ['will_change', ['c1', 'c3']],
      ['waits', ['c2']],
      ['cannot', ['c0']],
    ]);
  });

  it('lets a sync go without the accounts that cannot', () => {
    const wish = { image_id: 'i', slot: 'avatar' as const, connection_ids: ['c0', 'c1', 'c2'], dry_run: false };
    const targets = plan('queued', 'failed', 'verified').map((one) => ({ ...one, slot: 'avatar' }));
    expect(withoutUnable(wish, targets).connection_ids).toEqual(['c0', 'c2']);
    expect(withoutUnable({ ...wish, slot: 'banner' }, targets).connection_ids).toHaveLength(3);
  });

  it('has a button that says how many get it', () => {
    expect([0, 1, 4].map(syncWords)).toEqual(['Sync', 'Sync 1 account', 'Sync 4 accounts']);
  });
});
