import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { imageQuery, imagesQuery } from '../api/queries';
import { uploads } from './queue';

/** Puts each finished upload into the library at once, wherever the person is by then. */
export function useFinishedUploads(): void {
  const cache = useQueryClient();
  useEffect(() => {
    uploads.whenDone((image) => {
      cache.setQueryData(imageQuery(image.id).queryKey, image);
      cache.setQueryData(imagesQuery.queryKey, (known) => {
        const first = known?.pages[0];
        if (!first || known.pages.some((page) => page.items.some((other) => other.id === image.id))) return known;
        return { ...known, pages: [{ ...first, items: [image, ...first.items] }, ...known.pages.slice(1)] };
      });
      void cache.invalidateQueries({ queryKey: imagesQuery.queryKey });
    });
    return () => uploads.clear();
  }, [cache]);
}
