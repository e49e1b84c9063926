import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import type { Image } from '../api/types';

/** Takes a deleted picture back into the library. Repeating it changes nothing. */
export async function restore(cache: QueryClient, imageId: string): Promise<Image> {
  const image = await answer(api.POST('/v1/images/{image_id}/restore', { params: { path: { image_id: imageId } } }));
  cache.setQueryData(keys.image(image.id), image);
  await moved(cache, image.id);
  return image;
}

/** Takes a picture off the lists that it was on, and reads anew what follows when one leaves the library or comes back. */
export async function moved(cache: QueryClient, imageId: string): Promise<void> {
  cache.setQueriesData<InfiniteData<{ items: Image[] }>>(
    { queryKey: keys.imageList },
    (list) =>
      list && {
        ...list,
        pages: list.pages.map((page) => ({ ...page, items: page.items.filter(({ id }) => id !== imageId) })),
      },
  );
  await Promise.all(
    [keys.imageList, keys.library, keys.defaults, keys.avatarSettings].map((queryKey) =>
      cache.invalidateQueries({ queryKey }),
    ),
  );
}
