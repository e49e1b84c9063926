import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import type { Image, Purged } from '../api/types';
import { formatBytes } from '../format';
import { moved } from './restore';

/** How much room comes back when a deleted picture goes for good: none where another one is from the same file. */
export const roomQuery = ({ id, sha256, bytes }: Image) =>
  queryOptions({
    queryKey: keys.room(id),
    queryFn: async () => {
      const from = (deleted: boolean) =>
        answer(api.GET('/v1/images', { params: { query: { sha256, deleted, page_size: 2 } } }));
      const lists = await Promise.all([from(false), from(true)]);
      return lists.some(({ items }) => items.some((other) => other.id !== id)) ? 0 : bytes;
    },
    staleTime: 0,
  });

/** Deletes a deleted picture for good. */
export async function purge(cache: QueryClient, imageId: string): Promise<Purged> {
  const purged = await answer(api.POST('/v1/images/{image_id}/purge', { params: { path: { image_id: imageId } } }));
  await moved(cache, imageId);
  cache.removeQueries({ queryKey: keys.image(imageId) });
  return purged;
}

/** Deletes all deleted pictures for good. */
export async function purgeAll(cache: QueryClient): Promise<Purged> {
  try {
    return await answer(api.POST('/v1/library/purge'));
  } finally {
    // Also of a call that was broken off: a part of them may be gone.
    await Promise.all([keys.imageList, keys.library].map((queryKey) => cache.invalidateQueries({ queryKey })));
  }
}

/** What has come back, in words. */
export function cameBack({ freed_bytes }: Purged): string {
  return freed_bytes === 0 ? '' : ` ${formatBytes(freed_bytes)} of room came back.`;
}
