import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId } from 'react';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import type { Image } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Icon } from '../components/icon';
import { ProblemNote } from '../components/problem-note';
import { ACCEPTED } from '../uploads/accepted';
import { useReplace } from './use-replace';

/** Why a picture cannot be used, and the two ways on: the same once more, or another one in its place. */
export function FailedPicture({ image }: { image: Image }) {
  const cache = useQueryClient();
  const retry = useMutation({
    mutationFn: () => answer(api.POST('/v1/images/{image_id}/retry', { params: { path: { image_id: image.id } } })),
    onSuccess: (again) => {
      cache.setQueryData(keys.image(image.id), again);
      return cache.invalidateQueries({ queryKey: keys.imageList });
    },
  });
  const replace = useReplace(image);
  const inputId = useId();
  return (
    <div className="stack">
      <div className="note note-bad" role="alert">
        <Icon name="warning" />
        <p className="grow">{image.reason?.message ?? 'This picture cannot be used.'}</p>
      </div>
      {retry.isError && <ProblemNote error={retry.error} />}
      {replace.error !== null && <ProblemNote error={replace.error} onRetry={replace.again} />}
      {replace.share !== null && (
        <div className="stack-tight">
          <progress value={replace.share} aria-label={`Sending ${replace.fileName}`} />
          <p className="small quiet">The new picture is being sent. This one stays until it is there.</p>
        </div>
      )}
      <div className="row">
        <Button icon="sync" pending={retry.isPending} held={replace.share !== null} onClick={() => retry.mutate()}>
          Try again
        </Button>
        <span className="picker">
          <input
            className="unseen"
            id={inputId}
            type="file"
            accept={ACCEPTED}
            disabled={replace.share !== null}
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file) replace.by(file);
              event.target.value = '';
            }}
          />
          <label className={buttonClass('main')} htmlFor={inputId}>
            <Icon name="upload" />
            Replace
          </label>
        </span>
      </div>
      <p className="small quiet">Replace takes another file for it, with the same description.</p>
    </div>
  );
}
