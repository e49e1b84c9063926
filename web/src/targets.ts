import type { Target } from './api/types';
import { isMoving } from './components/states';

/** Reasons that connecting the account again does away with. */
const RECONNECT_REASONS = new Set(['AUTH_REVOKED', 'MISSING_PERMISSION']);

export function needsReconnect({ reason }: Pick<Target, 'reason'>): boolean {
  return RECONNECT_REASONS.has(reason?.code ?? '');
}

/** Whether a check has found another picture than the one that was verified. */
export function wasChangedThere({ state, reason }: Pick<Target, 'state' | 'reason'>): boolean {
  return state === 'differs' && (reason?.code === 'CHANGED_THERE' || reason?.code === 'LEFT_THERE');
}

/** Whether something of ours may be there, and what was there before can come back. */
export function canBePutBack({ state, before }: Pick<Target, 'state' | 'before'>): boolean {
  return !isMoving(state) && before !== null && before.cannot_restore === null;
}

/** What a target does next by itself, and when; null where nothing is planned. */
export function nextStep(target: Target): { words: string; at: string } | null {
  const { state, next_attempt_at: attempt, next_check_at: check } = target;
  if (state === 'verified' || state === 'differs') {
    const at = check ?? attempt;
    return at === null ? null : { words: 'Looked at again', at };
  }
  if (attempt === null || !(isMoving(state) || state === 'paused')) return null;
  return { words: 'Next try', at: attempt };
}

/** Why several accounts of a sync are not done, told once for all of them. */
export interface Cause {
  /** How many accounts. */
  count: number;
  reason: string;
  reconnect: boolean;
  /** When the first of them goes on by itself. */
  at: string | null;
}

/** The causes that several targets share. What one has alone is said in its own row. */
export function sharedCauses(targets: readonly Target[]): Cause[] {
  const causes = new Map<string, Cause>();
  for (const target of targets) {
    if (!isHeldUp(target) || !target.reason) continue;
    const reconnect = needsReconnect(target);
    const key = reconnect ? '' : target.reason.message;
    const known = causes.get(key) ?? { count: 0, reason: target.reason.message, reconnect, at: null };
    const next = nextStep(target)?.at ?? null;
    const at = known.at === null || (next !== null && Date.parse(next) < Date.parse(known.at)) ? next : known.at;
    causes.set(key, { ...known, count: known.count + 1, at });
  }
  return [...causes.values()].filter(({ count }) => count > 1);
}

function isHeldUp({ state }: Target): boolean {
  return isMoving(state) || state === 'paused' || state === 'needs_you' || state === 'failed';
}
