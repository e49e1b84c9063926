import { useQuery } from '@tanstack/react-query';
import { platformsQuery } from './api/queries';
import type { Platform, Variant } from './api/types';

export interface PlatformNames {
  all: Platform[];
  /** A platform by its id; one that the server no longer knows is named by its id. */
  named(id: string): { id: string; name: string };
  /** The shape in which a version is shown where it goes. */
  maskOf(variant: Variant): Platform['slots'][string]['mask'];
}

/** The platforms, for naming what only carries an id. */
export function usePlatforms(): PlatformNames {
  const all = useQuery(platformsQuery).data ?? [];
  const found = (id: string) => all.find((platform) => platform.id === id);
  return {
    all,
    named: (id) => found(id) ?? { id, name: id },
    maskOf: (variant) => found(variant.platform ?? '')?.slots[variant.slot ?? '']?.mask ?? 'none',
  };
}
