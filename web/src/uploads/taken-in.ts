import type { QueryClient } from '@tanstack/react-query';
import { keys } from '../api/keys';
import { imageQuery, imagesQuery } from '../api/queries';
import type { Image } from '../api/types';

/** Shows a picture in the library as soon as the server has it, whichever way it came in. */
export function takenIn(cache: QueryClient, image: Image): void {
  cache.setQueryData(imageQuery(image.id).queryKey, image);
  cache.setQueryData(imagesQuery.queryKey, (known) => {
    const first = known?.pages[0];
    if (!first || known.pages.some((page) => page.items.some((other) => other.id === image.id))) return known;
    return { ...known, pages: [{ ...first, items: [image, ...first.items] }, ...known.pages.slice(1)] };
  });
  void cache.invalidateQueries({ queryKey: keys.imageList });
  void cache.invalidateQueries({ queryKey: keys.library });
}
