import { useQuery } from '@tanstack/react-query';
import { platformsQuery } from './api/queries';
import type { Platform } from './api/types';

export interface PlatformNames {
  all: Platform[];
  /** A platform by its id; one that the server no longer knows is named by its id. */
  named(id: string): { id: string; name: string };
}

/** The platforms, for naming what only carries an id. */
export function usePlatforms(): PlatformNames {
  const all = useQuery(platformsQuery).data ?? [];
  return { all, named: (id) => all.find((platform) => platform.id === id) ?? { id, name: id } };
}
