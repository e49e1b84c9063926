/** How an account is, in words. */

import type { Connection } from './api/types';
import type { Look } from './components/chip';
import { formatDay, formatRelative, formatSince } from './format';

/** An end that is nearer than this is worth a warning. */
const NEAR_MS = 14 * 86_400_000;

type Known = Pick<
  Connection,
  'state' | 'checked_at' | 'expires_at' | 'unreachable_since' | 'leaving' | 'waiting_targets'
>;

export interface Health {
  look: Look;
  /** What is so, and what follows. */
  words: string;
}

/** Says how an account is: what its owner has to act on before what passes by itself. */
export function healthOf(connection: Known, now: Date): Health {
  const { state, checked_at, expires_at, unreachable_since, leaving, waiting_targets } = connection;
  if (leaving) {
    return {
      look: { tone: 'busy', icon: 'undo', label: 'Leaving' },
      words: 'Putting pictures back, then it is disconnected',
    };
  }
  if (state === 'needs_reconnect') {
    return { look: { tone: 'bad', icon: 'warning', label: 'Connect again' }, words: waiting(waiting_targets) };
  }
  if (unreachable_since) {
    return {
      look: { tone: 'warn', icon: 'pause', label: 'No answer' },
      words: `Does not answer since ${formatSince(new Date(unreachable_since), now)}, nothing is lost`,
    };
  }
  if (expires_at && endsSoon(connection, now)) {
    return {
      look: { tone: 'warn', icon: 'clock', label: 'Ends soon' },
      words: `Access ends on ${formatDay(new Date(expires_at))}: connect again`,
    };
  }
  return {
    look: { tone: 'good', icon: 'check', label: 'Works' },
    words: checked_at ? `Works, seen ${formatRelative(past(checked_at, now), now)}` : 'Connected, not looked at yet',
  };
}

/** Whether connecting again helps: the access is gone, or about to go. */
export function wantsReconnect(connection: Known, now: Date): boolean {
  return !connection.leaving && (connection.state === 'needs_reconnect' || endsSoon(connection, now));
}

function endsSoon({ expires_at }: Known, now: Date): boolean {
  return expires_at !== null && Date.parse(expires_at) - now.getTime() < NEAR_MS;
}

function waiting(updates: number): string {
  if (updates === 0) return 'Connect again: until then no picture gets there';
  return `Connect again: ${updates === 1 ? '1 update goes' : `${updates} updates go`} out as soon as you do`;
}

/** What has happened since the clock was last looked at happened just now. */
function past(at: string, now: Date): Date {
  return new Date(Math.min(Date.parse(at), now.getTime()));
}
