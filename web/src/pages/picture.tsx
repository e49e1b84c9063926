import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { imageQuery, variantsQuery } from '../api/queries';
import type { Image } from '../api/types';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { ConfirmDialog } from '../components/dialog';
import { TextArea } from '../components/field';
import { Moment } from '../components/moment';
import { Page } from '../components/page';
import { PictureThumb } from '../components/picture-tile';
import { ProblemNote } from '../components/problem-note';
import { Segments } from '../components/segments';
import { IMAGE_LOOKS } from '../components/states';
import { formatBytes, formatMediaType, formatPixels } from '../format';
import { entries } from '../forms';
import { FailedPicture } from './failed-picture';
import { FrameView } from './frame-view';
import { SyncPanel } from './sync-panel';
import { VariantGallery } from './variant-gallery';

const route = getRouteApi('/signed-in/library/$imageId');

export function PicturePage() {
  const { imageId } = route.useParams();
  const { slot = 'avatar' } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: image } = useSuspenseQuery(imageQuery(imageId));
  const { data: variants } = useSuspenseQuery(variantsQuery(imageId));
  const ofSlot = variants.filter((variant) => variant.slot === slot);
  return (
    <Page title={image.file_name || 'Picture'} actions={<Chip {...IMAGE_LOOKS[image.state]} />}>
      <p className="unseen" role="status">
        {IMAGE_LOOKS[image.state].label}
      </p>
      <div className="picture-page">
        <div className="picture-about">
          <PictureThumb image={image} />
          <Facts image={image} />
        </div>
        <div className="picture-use stack-wide">
          {image.state === 'failed' && <FailedPicture key={image.id} image={image} />}
          {image.state === 'processing' && (
            <p className="note">
              <span className="spinner" aria-hidden="true" />
              <span>Every platform's version is being made. This page shows them as soon as they are there.</span>
            </p>
          )}
          {image.state === 'ready' && (
            <>
              <Segments
                label="Use as"
                value={slot}
                options={[
                  ['avatar', 'Avatar'],
                  ['banner', 'Banner'],
                ]}
                onChange={(chosen) =>
                  void navigate({
                    search: chosen === 'banner' ? { slot: 'banner' } : {},
                    replace: true,
                    resetScroll: false,
                  })
                }
              />
              <SyncPanel key={slot} image={image} slot={slot} />
              <FrameView key={`frames ${slot}`} image={image} variants={ofSlot} />
              <VariantGallery image={image} variants={ofSlot} />
            </>
          )}
        </div>
        <div className="picture-care stack">
          <AltText image={image} />
          <DeletePicture image={image} />
        </div>
      </div>
    </Page>
  );
}

function Facts({ image }: { image: Image }) {
  return (
    <dl className="facts">
      <div>
        <dt>Original</dt>
        <dd>{formatPixels(image.width, image.height)}</dd>
      </div>
      <div>
        <dt>File</dt>
        <dd>
          {formatMediaType(image.content_type)}, {formatBytes(image.bytes)}
        </dd>
      </div>
      <div>
        <dt>Added</dt>
        <dd>
          <Moment at={image.created_at} />
        </dd>
      </div>
    </dl>
  );
}

function AltText({ image }: { image: Image }) {
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (body: { alt_text: string }) =>
      answer(api.PATCH('/v1/images/{image_id}', { params: { path: { image_id: image.id } }, body })),
    onSuccess: (saved) => {
      cache.setQueryData(keys.image(image.id), saved);
      return cache.invalidateQueries({ queryKey: keys.imageList });
    },
  });
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(entries(event.currentTarget, ['alt_text']));
      }}
    >
      <TextArea
        label="Description"
        name="alt_text"
        hint="What it shows, for those who cannot see it. Sent along where a platform takes it."
        defaultValue={image.alt_text}
        maxLength={1500}
      />
      {save.isError && <ProblemNote error={save.error} />}
      <div className="row">
        <Button type="submit" pending={save.isPending}>
          Save description
        </Button>
        <span role="status" className="small quiet">
          {save.isSuccess && 'Saved'}
        </span>
      </div>
    </form>
  );
}

function DeletePicture({ image }: { image: Image }) {
  const [asking, setAsking] = useState(false);
  const navigate = route.useNavigate();
  const cache = useQueryClient();
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE('/v1/images/{image_id}', { params: { path: { image_id: image.id } } })),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: keys.imageList });
      await navigate({ to: '/library' });
      cache.removeQueries({ queryKey: keys.image(image.id) });
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
        <p>It leaves your library. Accounts that show it keep showing it; what has not been sent yet is called off.</p>
      </ConfirmDialog>
    </>
  );
}
