import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { libraryQuery, usesQuery } from '../api/queries';
import type { Image, Uses } from '../api/types';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { ConfirmDialog } from '../components/dialog';
import { ProblemNote } from '../components/problem-note';
import { TARGET_LOOKS } from '../components/states';
import { nameOf } from '../pictures';
import { usePlatforms } from '../platforms';
import { toasts } from '../toasts';
import { moved, restore } from './restore';

/** Takes a picture out of the library, after a word on where it is in use; for a moment it comes back by one press. */
export function DeletePicture({ image }: { image: Image }) {
  const [asking, setAsking] = useState(false);
  const router = useRouter();
  const cache = useQueryClient();
  const bringBack = async () => {
    await restore(cache, image.id);
    await router.navigate({ to: '/library/$imageId', params: { imageId: image.id } });
  };
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE('/v1/images/{image_id}', { params: { path: { image_id: image.id } } })),
    onSuccess: async () => {
      // Off the lists before the library is seen.
      const read = moved(cache, image.id);
      await router.navigate({ to: '/library' });
      toasts.say({ text: `“${nameOf(image)}” is deleted.`, action: { label: 'Undo', run: bringBack } });
      cache.removeQueries({ queryKey: keys.image(image.id) });
      await read;
    },
  });
  return (
    <>
      <div>
        <Button kind="danger" icon="trash" onClick={() => setAsking(true)}>
          Delete picture
        </Button>
      </div>
      <ConfirmDialog
        title="Delete this picture?"
        open={asking}
        onClose={() => setAsking(false)}
        confirm="Delete"
        onConfirm={() => remove.mutate()}
        pending={remove.isPending}
        error={remove.error}
      >
        <WhatFollows imageId={image.id} />
      </ConfirmDialog>
    </>
  );
}

/** Where the picture is in use, and what deleting it does there, as the server says it now. */
function WhatFollows({ imageId }: { imageId: string }) {
  const uses = useQuery(usesQuery(imageId));
  const days = useQuery(libraryQuery).data?.restore_days;
  return (
    <>
      {uses.isPending && (
        <p className="row" role="status">
          <span className="spinner" aria-hidden="true" />
          Looking where it is in use
        </p>
      )}
      {uses.isError && <ProblemNote error={uses.error} onRetry={() => void uses.refetch()} />}
      {uses.data && <InUse uses={uses.data} />}
      <p>
        It leaves your library
        {days === undefined ? ', and can be restored for a while.' : `, and can be restored for ${days} days.`}
      </p>
    </>
  );
}

function InUse({ uses }: { uses: Uses }) {
  const { named } = usePlatforms();
  if (uses.consequences.length === 0) return <p>It is in use nowhere.</p>;
  return (
    <>
      <ul className="bullets" aria-label="What deleting it does">
        {uses.consequences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      {uses.places.length > 0 && (
        <details>
          <summary>Where it is ({uses.places.length})</summary>
          <ul className="stack-tight small">
            {uses.places.map((place) => (
              <li key={`${place.connection_id} ${place.slot}`} className="row">
                <span className="grow">
                  {place.remote_handle} <span className="quiet">({named(place.platform).name})</span>, {place.slot}
                </span>
                <Chip {...TARGET_LOOKS[place.state]} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
