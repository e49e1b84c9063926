import { describe, expect, it } from 'vitest';
import type { Sync, Target, TargetState } from '../api/types';
import { summarise, syncLook, syncTitle, targetLook } from './states';

const targets = (...states: (TargetState | [TargetState, string])[]) =>
  states.map((one) => {
    const [state, code] = typeof one === 'string' ? [one, null] : one;
    return { state, reason: code === null ? null : { code } };
  }) as Target[];

describe('a sync in a word', () => {
  it.each<[string, (TargetState | [TargetState, string])[]]>([
    ['Verified', ['verified', 'verified']],
    ['Needs you', ['verified', 'needs_you', 'queued']],
    ['Under way', ['paused', 'sending']],
    ['Under way', ['verified', ['differs', 'PUTTING_BACK']]],
    ['Paused', ['verified', 'paused']],
    ['In part', ['verified', 'failed']],
    ['Left as it is', ['verified', ['differs', 'LEFT_THERE']]],
    ['Left as it is', [['cancelled', 'KEPT_THERE']]],
    ['Called off', ['cancelled', 'superseded']],
    ['Differs', [['differs', 'CHANGED_THERE']]],
    ['Not done', ['failed', 'cancelled']],
  ])('is “%s”', (word, states) => {
    expect(syncLook({ targets: targets(...states) }).label).toBe(word);
  });

  it('counts its places, the good news first', () => {
    const all = targets('failed', ['differs', 'LEFT_THERE'], 'differs', 'verified', 'verified');
    expect(summarise(all)).toBe('2 verified, 1 left as it is, 1 differs, 1 failed');
  });
});

describe('what goes as its owner has chosen', () => {
  it('looks like news, not like a failure', () => {
    for (const target of targets(['differs', 'LEFT_THERE'], ['differs', 'PUTTING_BACK'], ['cancelled', 'KEPT_THERE'])) {
      expect(['idle', 'busy']).toContain(targetLook(target).tone);
    }
    expect(targetLook(targets(['differs', 'CHANGED_THERE'])[0] as Target).tone).toBe('warn');
  });
});

describe('the title of a sync', () => {
  const title = (slot: string | null, trigger: Sync['trigger'], count: number) =>
    syncTitle({ slot, trigger, targets: targets(...Array<TargetState>(count).fill('queued')) });

  it('says what is brought, or that something is put back', () => {
    expect(title('banner', 'by_hand', 2)).toBe('Banner sync');
    expect(title('avatar', 'roll_back', 1)).toBe('Earlier picture put back');
    expect(title(null, 'roll_back', 2)).toBe('Earlier pictures put back');
  });
});
