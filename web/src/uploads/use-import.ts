import { useMutation, useQueryClient } from '@tanstack/react-query';
import { answer, api } from '../api/client';
import type { SlotName } from '../api/types';
import { takenIn } from './taken-in';

/** Takes what a connected account shows in a slot into the library. */
export function useImport(connectionId: string, slot: SlotName) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () =>
      answer(
        api.POST('/v1/connections/{connection_id}/import', {
          params: { path: { connection_id: connectionId } },
          body: { slot },
        }),
      ),
    onSuccess: (image) => takenIn(cache, image),
  });
}
