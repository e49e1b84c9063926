/** What an account's own server takes, in words. */

import type { Connection } from './api/types';
import { formatBytes } from './format';

type Server = Pick<Connection, 'server_software'> & {
  slots: Pick<Connection['slots'][number], 'slot' | 'mode' | 'max_bytes'>[];
};

const NAMES: Record<string, string> = { avatar: 'avatars', banner: 'banners' };

/** Says what a server runs and takes, such as “Pixelfed 0.12.3, takes avatars up to 2 MB, no banners”; null where it has not told. */
export function serverWords({ server_software, slots }: Server): string | null {
  if (!server_software) return null;
  const writable = slots.filter(({ mode }) => mode === 'write' || mode === 'assisted');
  const limits = new Set(writable.map(({ max_bytes }) => max_bytes));
  const named = ({ slot }: { slot: string }) => NAMES[slot] ?? slot;
  const taken =
    limits.size === 1 && writable.length === slots.length
      ? [`pictures up to ${formatBytes(writable[0]?.max_bytes ?? 0)}`]
      : writable.map((slot) => `${named(slot)} up to ${formatBytes(slot.max_bytes)}`);
  const refused = slots.filter(({ mode }) => mode === 'none').map((slot) => `no ${named(slot)}`);
  return `${server_software}, takes ${[...taken, ...refused].join(', ')}`;
}
