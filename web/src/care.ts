/** How an account is looked after without being asked. */

import type { CheckEvery, Connection, OnDifference, SlotName } from './api/types';

/** What is to be otherwise; what is not named stays as it is. */
export interface CareChange {
  follow_defaults?: boolean;
  check_every?: CheckEvery;
  time_zone?: string;
  on_difference?: Partial<Record<SlotName, OnDifference>>;
}

type CaredFor = Connection['slots'][number] & { slot: SlotName };

/** An account as it will be after a change. When it is looked at next only the server can say. */
export function afterChange(connection: Connection, { on_difference = {}, ...schedule }: CareChange): Connection {
  const next_check_at = 'check_every' in schedule ? null : connection.schedule.next_check_at;
  return {
    ...connection,
    schedule: { ...connection.schedule, ...schedule, next_check_at },
    slots: connection.slots.map((slot) => ({
      ...slot,
      on_difference: on_difference[slot.slot as SlotName] ?? slot.on_difference,
    })),
  };
}

/** The places of an account that pictures are brought to. */
export function caredFor(connection: Connection): CaredFor[] {
  return connection.slots.filter((slot): slot is CaredFor => slot.mode === 'write' || slot.mode === 'assisted');
}

/** The zone that this browser's days begin in. */
export function ownTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
