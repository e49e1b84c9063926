import type { Connection, Image, Platform, TargetState } from '../api/types';
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
  healthy: { tone: 'good', icon: 'check', label: 'Healthy' },
  needs_reconnect: { tone: 'bad', icon: 'warning', label: 'Reconnect' },
};

/** What this installation can do with a platform, in one badge. */
export function platformLook(platform: Platform): Look {
  const modes = Object.values(platform.slots).map((slot) => slot.mode);
  if (!platform.can_connect) return { tone: 'idle', icon: 'dash', label: 'Not set up' };
  if (modes.includes('write')) return { tone: 'good', icon: 'sync', label: 'Auto' };
  if (modes.includes('assisted')) return { tone: 'warn', icon: 'hand', label: 'Assisted' };
  return { tone: 'idle', icon: 'dash', label: 'Read-only' };
}

/** The same for a plan, which tells what would happen. */
export const PLAN_LOOKS: Record<TargetState, Look> = {
  ...TARGET_LOOKS,
  queued: { tone: 'busy', icon: 'send', label: 'Will be sent' },
  verified: { tone: 'good', icon: 'check', label: 'Already right' },
  paused: { tone: 'idle', icon: 'pause', label: 'Will wait' },
};

/** Counts targets by state and says it in a sentence, the good news first: “2 verified, 1 needs you”. */
export function summarise(states: TargetState[], looks = TARGET_LOOKS): string {
  const order = Object.keys(TARGET_LOOKS) as TargetState[];
  const ranked = ['verified' as const, ...order.filter((state) => state !== 'verified')];
  return ranked
    .map((state) => [states.filter((other) => other === state).length, looks[state].label.toLowerCase()] as const)
    .filter(([count]) => count > 0)
    .map(([count, label]) => `${count} ${label}`)
    .join(', ');
}

export const SLOT_NAMES: Record<string, string> = { avatar: 'Avatar', banner: 'Banner' };

/** What a sync is about; null is both. */
export function slotName(slot: string | null): string {
  return slot === null ? 'Avatar and banner' : (SLOT_NAMES[slot] ?? slot);
}
