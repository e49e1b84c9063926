import { describe, expect, it } from 'vitest';
import type { Target } from './api/types';
import { canBePutBack, nextStep, sharedCauses, wasChangedThere } from './targets';

const NOON = '2026-06-15T12:00:00Z';
const ONE = '2026-06-15T13:00:00Z';

const target = (about: Partial<Target>) =>
  ({ state: 'verified', reason: null, next_attempt_at: null, next_check_at: null, before: null, ...about }) as Target;

const because = (code: string, message = code) => ({ code, message }) as Target['reason'];

describe('what comes next', () => {
  it('is a try for what is under way or paused', () => {
    for (const state of ['queued', 'waiting_for_platform', 'paused'] as const) {
      expect(nextStep(target({ state, next_attempt_at: NOON }))).toEqual({ words: 'Next try', at: NOON });
    }
  });

  it('is a look for what is verified or differs', () => {
    expect(nextStep(target({ next_check_at: NOON }))).toEqual({ words: 'Looked at again', at: NOON });
    expect(nextStep(target({ state: 'differs', next_attempt_at: ONE }))).toEqual({ words: 'Looked at again', at: ONE });
  });

  it('is nothing for what waits for its owner, who is only reminded then', () => {
    expect(nextStep(target({ state: 'needs_you', next_attempt_at: NOON }))).toBeNull();
  });
});

describe('what several accounts share', () => {
  it('is told once, with the time of the first', () => {
    const slow = because('RATE_LIMITED', 'Hill asks us to slow down.');
    const causes = sharedCauses([
      target({ state: 'paused', reason: slow, next_attempt_at: ONE }),
      target({ state: 'waiting_for_platform', reason: slow, next_attempt_at: NOON }),
      target({ state: 'paused', reason: slow }),
    ]);
    expect(causes).toEqual([{ count: 3, reason: 'Hill asks us to slow down.', reconnect: false, at: NOON }]);
  });

  it('is one reconnect, whatever the platforms call it', () => {
    const causes = sharedCauses([
      target({ state: 'paused', reason: because('AUTH_REVOKED', 'Hill has ended our access.') }),
      target({ state: 'needs_you', reason: because('MISSING_PERMISSION', 'Lake says no.') }),
    ]);
    expect(causes).toMatchObject([{ count: 2, reconnect: true }]);
  });

  it('is nothing where each has a reason of its own, or is done', () => {
    const right = because('ALREADY_RIGHT');
    const targets = [target({ state: 'failed', reason: because('GAVE_UP') }), target({ reason: right })];
    expect(sharedCauses([...targets, target({ reason: right })])).toEqual([]);
  });
});

describe('putting back', () => {
  const before = { cannot_restore: null } as Target['before'];

  it('is offered once a target rests and what was there before was kept', () => {
    expect(canBePutBack(target({ before }))).toBe(true);
    expect(canBePutBack(target({ before, state: 'sending' }))).toBe(false);
    expect(canBePutBack(target({}))).toBe(false);
  });

  it('is not offered for what cannot be put back', () => {
    const lost = { cannot_restore: because('SNAPSHOT_UNREADABLE') } as Target['before'];
    expect(canBePutBack(target({ before: lost }))).toBe(false);
  });
});

describe('a difference', () => {
  it('is one that a check has found, asked about or left', () => {
    expect(wasChangedThere(target({ state: 'differs', reason: because('CHANGED_THERE') }))).toBe(true);
    expect(wasChangedThere(target({ state: 'differs', reason: because('LEFT_THERE') }))).toBe(true);
    expect(wasChangedThere(target({ state: 'differs', reason: because('NOT_TAKEN_OVER') }))).toBe(false);
  });
});
