import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { answerWithResponse, api } from './api/client';
import { keys } from './api/keys';
import { Problem } from './api/problem';
import { defaultsQuery } from './api/queries';
import type { SlotName } from './api/types';
import { type Defaults, slotsOf, withoutGaps } from './defaults';

/** The slots that a picture is the default of; none until that is known. */
export function useDefaultSlots(imageId: string): SlotName[] {
  const known = useQuery(defaultsQuery).data;
  return known ? slotsOf(known.defaults, imageId) : [];
}

/**
 * Changes the defaults from what was read to what a function makes of it.
 *
 * The server refuses it if they have changed elsewhere since; then the present ones are read, so that the page shows them beside the
 * refusal (`overtaken`).
 */
export function useChangeDefaults() {
  const cache = useQueryClient();
  const change = useMutation({
    mutationFn: async (changed: (present: Defaults) => Defaults) => {
      const { defaults, etag } = await cache.ensureQueryData(defaultsQuery);
      const { data, response } = await answerWithResponse(
        api.PUT('/v1/defaults', { body: changed(defaults), params: { header: { 'if-match': etag } } }),
      );
      return { defaults: withoutGaps(data), etag: response.headers.get('etag') ?? '' };
    },
    // One after the other, each from the answer to the one before.
    scope: { id: 'defaults' },
    onSuccess: async (saved) => {
      // A read that is under way would bring back what was before.
      await cache.cancelQueries({ queryKey: keys.defaults });
      cache.setQueryData(defaultsQuery.queryKey, saved);
      // Lists of what is a default somewhere, and what hangs on a default avatar.
      void cache.invalidateQueries({ queryKey: keys.imageList });
      void cache.invalidateQueries({ queryKey: keys.avatarSettings });
    },
    onError: (error) => {
      if (Problem.from(error).status === 412) return cache.invalidateQueries({ queryKey: keys.defaults });
      return undefined;
    },
  });
  return { ...change, overtaken: change.isError && Problem.from(change.error).status === 412 };
}
