import type { Connection, Image, Platform, Sync, Target, TargetState } from '../api/types';
import type { Look } from './chip';

/** How each state looks and what it is called, in one place. */
export const TARGET_LOOKS: Record<TargetState, Look> = {
  queued: { tone: 'busy', icon: 'clock', label: 'Queued' },
  sending: { tone: 'busy', icon: 'send', label: 'Sending' },
  waiting_for_platform: { tone: 'busy', icon: 'clock', label: 'Waiting for platform' },
  verified: { tone: 'good', icon: 'check', label: 'Verified' },
  differs: { tone: 'warn', icon: 'differs', label: 'Differs' },
  needs_you: { tone: 'warn', icon: 'hand', label: 'Needs you' },
  paused: { tone: 'idle', icon: 'pause', label: 'Paused' },
  failed: { tone: 'bad', icon: 'warning', label: 'Failed' },
  cancelled: { tone: 'idle', icon: 'cross', label: 'Cancelled' },
  superseded: { tone: 'idle', icon: 'dash', label: 'Superseded' },
};

/** A difference that its owner wants left, by the account's policy or by hand. */
const LEFT: Look = { tone: 'idle', icon: 'differs', label: 'Left as it is' };

/** What a target's reason makes of its state: what goes as its owner has chosen is news, no failure. */
const LOOKS_BY_REASON: Partial<Record<TargetState, Record<string, Look>>> = {
  differs: { LEFT_THERE: LEFT, PUTTING_BACK: { tone: 'busy', icon: 'undo', label: 'Putting back' } },
  cancelled: { KEPT_THERE: LEFT },
};

export function targetLook({ state, reason }: Pick<Target, 'state' | 'reason'>): Look {
  return LOOKS_BY_REASON[state]?.[reason?.code ?? ''] ?? TARGET_LOOKS[state];
}

/** States that go on by themselves. */
const MOVING: ReadonlySet<TargetState> = new Set(['queued', 'sending', 'waiting_for_platform']);

export function isMoving(state: TargetState): boolean {
  return MOVING.has(state);
}

export const IMAGE_LOOKS: Record<Image['state'], Look> = {
  processing: { tone: 'busy', icon: 'clock', label: 'Being prepared' },
  ready: { tone: 'good', icon: 'check', label: 'Ready' },
  failed: { tone: 'bad', icon: 'warning', label: 'Cannot be used' },
};

export const CONNECTION_LOOKS: Record<Connection['state'], Look> = {
  healthy: { tone: 'good', icon: 'check', label: 'Works' },
  needs_reconnect: { tone: 'bad', icon: 'warning', label: 'Connect again' },
};

/** What this installation can do with a platform, in one badge. */
export function platformLook(platform: Platform): Look {
  const modes = Object.values(platform.slots).map((slot) => slot.mode);
  if (!platform.can_connect) {
    return { tone: 'idle', icon: 'dash', label: platform.setup_steps.length > 0 ? 'Not set up' : 'Not offered' };
  }
  if (modes.includes('write')) return { tone: 'good', icon: 'sync', label: 'Automatic' };
  if (modes.includes('assisted')) return { tone: 'warn', icon: 'hand', label: 'By hand' };
  return { tone: 'idle', icon: 'search', label: 'Read only' };
}

/** Counts targets by what they are and says it in a sentence, the good news first: “2 verified, 1 needs you”. */
export function summarise(targets: readonly Pick<Target, 'state' | 'reason'>[]): string {
  const rank: TargetState[] = ['verified', ...(Object.keys(TARGET_LOOKS) as TargetState[])];
  const counts = new Map<string, number>();
  for (const target of targets.toSorted((one, other) => rank.indexOf(one.state) - rank.indexOf(other.state))) {
    const label = targetLook(target).label.toLowerCase();
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, count]) => `${count} ${label}`).join(', ');
}

export const SLOT_NAMES: Record<string, string> = { avatar: 'Avatar', banner: 'Banner' };

/** What a sync is about; null is both. */
export function slotName(slot: string | null): string {
  return slot === null ? 'Avatar and banner' : (SLOT_NAMES[slot] ?? slot);
}

export const TRIGGER_NAMES: Record<Sync['trigger'], string> = {
  by_hand: 'Asked for',
  default_changed: 'Default changed',
  roll_back: 'Put back',
};

export function syncTitle({ slot, trigger, targets }: Pick<Sync, 'slot' | 'trigger' | 'targets'>): string {
  if (trigger === 'roll_back') return targets.length === 1 ? 'Earlier picture put back' : 'Earlier pictures put back';
  return `${slotName(slot)} sync`;
}

/** A sync in one word: partial success is called that. */
export function syncLook({ targets }: Pick<Sync, 'targets'>): Look {
  const has = (state: TargetState) => targets.some((target) => target.state === state);
  if (has('needs_you')) return { tone: 'warn', icon: 'hand', label: 'Needs you' };
  const looks = targets.map(targetLook);
  if (looks.some(({ tone }) => tone === 'busy')) return { tone: 'busy', icon: 'sync', label: 'Under way' };
  if (has('paused')) return { tone: 'idle', icon: 'pause', label: 'Paused' };
  const verified = targets.filter(({ state }) => state === 'verified').length;
  if (targets.length > 0 && verified === targets.length) return TARGET_LOOKS.verified;
  const left = looks.filter((look) => look === LEFT).length;
  if (left > 0 && verified + left === targets.length) return LEFT;
  if (targets.every(({ state }) => state === 'cancelled' || state === 'superseded')) {
    return { tone: 'idle', icon: 'cross', label: 'Called off' };
  }
  if (verified > 0) return { tone: 'warn', icon: 'differs', label: 'In part' };
  if (looks.every((look) => look === TARGET_LOOKS.differs)) return TARGET_LOOKS.differs;
  return { tone: 'bad', icon: 'warning', label: 'Not done' };
}
