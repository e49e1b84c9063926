import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { answer, api } from '../api/client';
import { newIdempotencyKey } from '../api/idempotency-key';
import { keys } from '../api/keys';
import { imageQuery } from '../api/queries';
import type { Image } from '../api/types';
import { sendImage } from '../uploads/send';
import { shrinkIfHuge } from '../uploads/shrink';

interface Wish {
  file: File;
  key: string;
}

/**
 * Puts another file in the place of a picture: sends it, and only when it was taken deletes the old one and goes to the new one.
 *
 * Whatever fails, one of the two is in the library: if the old one cannot be deleted, it stays beside the new one.
 */
export function useReplace(image: Image) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [share, setShare] = useState(0);
  const abort = useRef<AbortController | null>(null);
  // Who leaves the page has thought better of it.
  useEffect(() => () => abort.current?.abort(), []);

  const replace = useMutation({
    mutationFn: async ({ file, key }: Wish) => {
      setShare(0);
      abort.current = new AbortController();
      const { signal } = abort.current;
      const taken = await sendImage(await shrinkIfHuge(file, signal), {
        // The same after a lost answer, so that no picture is made twice.
        idempotencyKey: key,
        onProgress: setShare,
        signal,
        altText: image.alt_text,
      });
      await answer(api.DELETE('/v1/images/{image_id}', { params: { path: { image_id: image.id } } })).catch(() => null);
      return taken;
    },
    onSuccess: async (taken) => {
      cache.setQueryData(imageQuery(taken.id).queryKey, taken);
      void cache.invalidateQueries({ queryKey: keys.imageList });
      // Whoever has gone elsewhere meanwhile is left there.
      if (!abort.current?.signal.aborted)
        await navigate({ to: '/library/$imageId', params: { imageId: taken.id }, replace: true });
      cache.removeQueries({ queryKey: keys.image(image.id) });
    },
  });

  const wish = replace.variables;
  return {
    by: (file: File) => replace.mutate({ file, key: newIdempotencyKey() }),
    again: () => wish && replace.mutate(wish),
    /** From 0 to 1 while a file is being sent. */
    share: replace.isPending ? share : null,
    fileName: wish?.file.name ?? '',
    error: replace.error,
  };
}
