import { useMutation, useQueryClient } from '@tanstack/react-query';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';

export interface ImageChange {
  title?: string;
  alt_text?: string;
  published?: boolean;
}

/** Changes what is said about a picture. Only what is named is changed, so nothing else is overwritten. */
export function useImageChange(imageId: string, onSaved?: () => void) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: ImageChange) =>
      answer(api.PATCH('/v1/images/{image_id}', { params: { path: { image_id: imageId } }, body })),
    onSuccess: (saved) => {
      cache.setQueryData(keys.image(imageId), saved);
      onSaved?.();
      return cache.invalidateQueries({ queryKey: keys.imageList });
    },
  });
}
