import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { keys } from '../api/keys';
import { syncQuery } from '../api/queries';
import type { Sync } from '../api/types';

/** Goes to the page of a sync that has just begun. */
export function useOpenSync() {
  const navigate = useNavigate();
  const cache = useQueryClient();
  return async (sync: Sync) => {
    cache.setQueryData(syncQuery(sync.id).queryKey, sync);
    void cache.invalidateQueries({ queryKey: keys.syncList });
    await navigate({ to: '/syncs/$syncId', params: { syncId: sync.id } });
  };
}
