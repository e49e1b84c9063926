import type { Connection, NewSync, SlotName } from './api/types';

/** Which picture is shown in one kind of slot; the closest choice goes. */
export interface SlotDefaults {
  everywhere: string | null;
  /** By the platform's id. */
  platforms: Record<string, string>;
  /** By the connection's id. */
  connections: Record<string, string>;
}

export type Defaults = Record<SlotName, SlotDefaults>;

export const SLOTS: readonly SlotName[] = ['avatar', 'banner'];

/** Where a choice counts. */
export type Scope = { kind: 'everywhere' } | { kind: 'platform' | 'connection'; id: string };

export const EVERYWHERE: Scope = { kind: 'everywhere' };

/** What applies at a place, and whose choice it is; null where nothing is chosen at all. */
export interface Applied {
  imageId: string;
  from: Scope['kind'];
}

/** Defaults as the server tells them, in which what is empty may be left out. */
export function withoutGaps(told: Partial<Record<SlotName, Partial<SlotDefaults>>>): Defaults {
  const slot = (one: Partial<SlotDefaults> = {}): SlotDefaults => ({
    everywhere: one.everywhere ?? null,
    platforms: one.platforms ?? {},
    connections: one.connections ?? {},
  });
  return { avatar: slot(told.avatar), banner: slot(told.banner) };
}

/** What is chosen at one place itself. */
export function chosenAt(chosen: SlotDefaults, scope: Scope): string | null {
  if (scope.kind === 'everywhere') return chosen.everywhere;
  return (scope.kind === 'platform' ? chosen.platforms : chosen.connections)[scope.id] ?? null;
}

/** What goes to a connection: its own choice, else its platform's, else that for everywhere. */
export function appliesTo(chosen: SlotDefaults, connection: Pick<Connection, 'id' | 'platform'>): Applied | null {
  const own = chosen.connections[connection.id];
  return own ? { imageId: own, from: 'connection' } : appliesOn(chosen, connection.platform);
}

/** What goes to all connections of a platform that have no choice of their own. */
export function appliesOn(chosen: SlotDefaults, platform: string): Applied | null {
  const own = chosen.platforms[platform];
  if (own) return { imageId: own, from: 'platform' };
  return chosen.everywhere ? { imageId: chosen.everywhere, from: 'everywhere' } : null;
}

/** Returns defaults with another choice at one place; null takes the choice there back. */
export function choose(defaults: Defaults, slot: SlotName, scope: Scope, imageId: string | null): Defaults {
  const chosen = defaults[slot];
  if (scope.kind === 'everywhere') return { ...defaults, [slot]: { ...chosen, everywhere: imageId } };
  const list = scope.kind === 'platform' ? 'platforms' : 'connections';
  const choices = { ...chosen[list] };
  if (imageId === null) delete choices[scope.id];
  else choices[scope.id] = imageId;
  return { ...defaults, [slot]: { ...chosen, [list]: choices } };
}

/** Returns defaults in which everything is the same as everywhere. */
export function withoutCustom(defaults: Defaults): Defaults {
  const plain = ({ everywhere }: SlotDefaults): SlotDefaults => ({ everywhere, platforms: {}, connections: {} });
  return { avatar: plain(defaults.avatar), banner: plain(defaults.banner) };
}

/** How many choices there are beside those for everywhere. */
export function customCount(defaults: Defaults): number {
  return SLOTS.reduce(
    (sum, slot) => sum + Object.keys(defaults[slot].platforms).length + Object.keys(defaults[slot].connections).length,
    0,
  );
}

/** The slots that a picture is the default of, somewhere. */
export function slotsOf(defaults: Defaults, imageId: string): SlotName[] {
  return SLOTS.filter((slot) => {
    const { everywhere, platforms, connections } = defaults[slot];
    return [everywhere, ...Object.values(platforms), ...Object.values(connections)].includes(imageId);
  });
}

/** Whether a connection shows pictures of ours in a slot. */
export function takes(connection: Pick<Connection, 'slots'>, slot: SlotName): boolean {
  return connection.slots.some((one) => one.slot === slot && (one.mode === 'write' || one.mode === 'assisted'));
}

/** A sync to named accounts: one that names none would go to all. */
export type DefaultSync = NewSync & { connection_ids: string[] };

/** The syncs that bring every default to where it goes: one a slot and picture. */
export function syncsFor(defaults: Defaults, connections: readonly Connection[]): DefaultSync[] {
  return SLOTS.flatMap((slot) => {
    const places = new Map<string, string[]>();
    for (const connection of connections.filter((one) => takes(one, slot))) {
      const imageId = appliesTo(defaults[slot], connection)?.imageId;
      if (imageId) places.set(imageId, [...(places.get(imageId) ?? []), connection.id]);
    }
    return [...places].map(([image_id, connection_ids]) => ({ image_id, slot, connection_ids, dry_run: false }));
  });
}
