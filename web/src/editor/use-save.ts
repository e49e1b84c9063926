import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { editsQuery, restoreRevision, saveEdits, type TaggedRevision } from '../api/edits';
import { keys } from '../api/keys';
import type { Image } from '../api/types';
import { tidy } from '../edits/model';
import { nameOf } from '../pictures';
import { toasts } from '../toasts';
import type { Editor } from './use-editor';

/** Saves what was done, and goes to the picture's page. `anyway` puts it over what somebody else saved meanwhile. */
export function useSave(image: Image, editor: Editor) {
  const done = useDone(image, editor);
  return useMutation({
    mutationFn: ({ anyway }: { anyway: boolean }) =>
      saveEdits(image.id, tidy(editor.edits), anyway ? undefined : editor.begun.etag),
    onSuccess: done,
  });
}

/** Does again what an earlier revision did, and goes to the picture's page. */
export function useRestore(image: Image, editor: Editor) {
  const done = useDone(image, editor);
  return useMutation({
    mutationFn: (number: number) => restoreRevision(image.id, number, editor.begun.etag),
    onSuccess: done,
  });
}

function useDone(image: Image, editor: Editor) {
  const cache = useQueryClient();
  const navigate = useNavigate();

  const refresh = async (saved: TaggedRevision) => {
    cache.setQueryData(editsQuery(image.id).queryKey, saved);
    void cache.invalidateQueries({ queryKey: keys.imageList });
    await cache.invalidateQueries({ queryKey: keys.image(image.id) });
  };

  return async (saved: TaggedRevision) => {
    const before = editor.begun.revision.number;
    editor.goOnFrom(saved, false);
    await refresh(saved);
    // Saving what is there already makes no revision, and there is nothing to undo.
    if (saved.revision.number > before) {
      toasts.say({
        text: `Saved ${nameOf(image)}`,
        action: {
          label: 'Undo',
          run: async () => refresh(await restoreRevision(image.id, before, saved.etag)),
        },
      });
    }
    await navigate({ to: '/library/$imageId', params: { imageId: image.id }, ignoreBlocker: true });
  };
}
