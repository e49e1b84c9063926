import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { answer, api } from '../api/client';
import { newIdempotencyKey } from '../api/idempotency-key';
import { keys } from '../api/keys';
import { imageQuery } from '../api/queries';
import type { Image } from '../api/types';
import { type ReplaceSteps, replaceImage } from '../uploads/replace';
import { sendImage } from '../uploads/send';
import { shrinkIfHuge } from '../uploads/shrink';

const STEPS: ReplaceSteps = {
  prepare: shrinkIfHuge,
  send: sendImage,
  remove: (imageId) => answer(api.DELETE('/v1/images/{image_id}', { params: { path: { image_id: imageId } } })),
};

interface Wish {
  file: File;
  key: string;
}

/** Puts another file in the place of a picture, and goes to the new one. */
export function useReplace(image: Image) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [share, setShare] = useState(0);
  const abort = useRef<AbortController | null>(null);
  // Who leaves the page has thought better of it.
  useEffect(() => () => abort.current?.abort(), []);

  const replace = useMutation({
    mutationFn: ({ file, key }: Wish) => {
      setShare(0);
      abort.current = new AbortController();
      const { signal } = abort.current;
      // The same key after a lost answer, so that no picture is made twice.
      return replaceImage(image, file, { idempotencyKey: key, onProgress: setShare, signal }, STEPS);
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
