import type { NewSync, Target, TargetState } from './api/types';
import type { Look } from './components/chip';

/** What a plan foresees for a place. */
export type Foreseen = 'will_change' | 'needs_you' | 'waits' | 'right' | 'cannot';

/** A wish that names its accounts: one that names none would go to all. */
type NamedWish = NewSync & { connection_ids: string[] };

interface Words extends Look {
  /** Of so many places, in a sentence about all. */
  count: (count: number) => string;
}

/** In the order in which they are told. */
export const FORESEEN: Record<Foreseen, Words> = {
  will_change: { tone: 'busy', icon: 'send', label: 'Will change', count: (count) => `${count} will change` },
  needs_you: {
    tone: 'warn',
    icon: 'hand',
    label: 'Needs you',
    count: (count) => (count === 1 ? '1 needs you' : `${count} need you`),
  },
  waits: { tone: 'idle', icon: 'pause', label: 'Will wait', count: (count) => `${count} will wait` },
  right: {
    tone: 'good',
    icon: 'check',
    label: 'Right already',
    count: (count) => (count === 1 ? '1 is right already' : `${count} are right already`),
  },
  cannot: { tone: 'bad', icon: 'warning', label: 'Cannot', count: (count) => `${count} cannot` },
};

const OF_STATE: Partial<Record<TargetState, Foreseen>> = {
  needs_you: 'needs_you',
  paused: 'waits',
  verified: 'right',
  failed: 'cannot',
};

export interface PlanGroup {
  foreseen: Foreseen;
  targets: Target[];
}

/** The places of a plan by what would happen there; groups without any are left out. */
export function planGroups(targets: readonly Target[]): PlanGroup[] {
  return (Object.keys(FORESEEN) as Foreseen[])
    .map((foreseen) => ({ foreseen, targets: targets.filter((target) => foreseenFor(target) === foreseen) }))
    .filter((group) => group.targets.length > 0);
}

/** A plan in a sentence: “3 will change, 1 needs you, 1 is right already, 1 cannot.” */
export function planSentence(targets: readonly Target[]): string {
  const counts = planGroups(targets).map(({ foreseen, targets: { length } }) => FORESEEN[foreseen].count(length));
  return `${counts.join(', ')}.`;
}

/** A wish without the accounts that a plan foresees nothing but a failure for. */
export function withoutUnable<Wish extends NamedWish>(wish: Wish, plan: readonly Target[]): Wish {
  const unable = new Set(
    plan
      .filter((target) => target.slot === wish.slot && foreseenFor(target) === 'cannot')
      .map(({ connection_id }) => connection_id),
  );
  return { ...wish, connection_ids: wish.connection_ids.filter((id) => !unable.has(id)) };
}

/** The button that starts a sync to so many accounts. */
export function syncWords(count: number): string {
  if (count === 0) return 'Sync';
  return count === 1 ? 'Sync 1 account' : `Sync ${count} accounts`;
}

function foreseenFor({ state }: Target): Foreseen {
  return OF_STATE[state] ?? 'will_change';
}
