import type { QueryClient } from '@tanstack/react-query';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import type { Image } from '../api/types';

/** Takes a deleted picture back into the library. Repeating it changes nothing. */
export async function restore(cache: QueryClient, imageId: string): Promise<Image> {
  const image = await answer(api.POST('/v1/images/{image_id}/restore', { params: { path: { image_id: imageId } } }));
  cache.setQueryData(keys.image(image.id), image);
  await refreshLibrary(cache);
  return image;
}

/** Reads anew what follows when a picture leaves the library or comes back. */
export async function refreshLibrary(cache: QueryClient): Promise<void> {
  await Promise.all(
    [keys.imageList, keys.library, keys.defaults, keys.avatarSettings].map((queryKey) =>
      cache.invalidateQueries({ queryKey }),
    ),
  );
}
