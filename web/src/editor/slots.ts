import type { Connection, Platform, PlatformSlot, SlotName } from '../api/types';

/** One place that a picture can go to. */
export interface Place {
  /** Such as `x.avatar`. */
  key: string;
  kind: SlotName;
  /** Such as “X avatar”. */
  name: string;
  platform: Platform;
  slot: PlatformSlot;
}

const KINDS: readonly SlotName[] = ['avatar', 'banner'];

/** The modes in which a picture is of use. */
const TAKING: ReadonlySet<string> = new Set(['write', 'assisted']);

/** All places that take a picture: those of connected accounts first, then by the platform's name. */
export function placesOf(platforms: readonly Platform[], connections: readonly Connection[]): Place[] {
  const connected = new Set(connections.map(({ platform }) => platform));
  const places = platforms.flatMap((platform) =>
    KINDS.flatMap((kind): Place[] => {
      const slot = platform.slots[kind];
      if (!slot || !TAKING.has(slot.mode)) return [];
      return [{ key: slot.key, kind, name: `${platform.name} ${kind}`, platform, slot }];
    }),
  );
  // Sorting keeps the order of what is equal, which is that of the names.
  return places.sort((one, other) => Number(connected.has(other.platform.id)) - Number(connected.has(one.platform.id)));
}

/** Width by height of what a place shows. */
export function ratioOf({ slot }: Place): number {
  const [width = 1, height = 1] = slot.size;
  return width / height;
}
