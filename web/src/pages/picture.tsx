import { useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { Problem } from '../api/problem';
import { imageQuery, variantsQuery } from '../api/queries';
import type { Image } from '../api/types';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { Moment } from '../components/moment';
import { Page } from '../components/page';
import { PictureThumb } from '../components/picture-tile';
import { Segments } from '../components/segments';
import { IMAGE_LOOKS } from '../components/states';
import { EditLink } from '../editor/edit-link';
import { formatBytes, formatMediaType, formatPixels } from '../format';
import { nameOf } from '../pictures';
import { AsDefault } from './as-default';
import { DeletePicture } from './delete-picture';
import { ErrorPage } from './error';
import { FailedPicture } from './failed-picture';
import { FrameView } from './frame-view';
import { AltText, Publish, Rename } from './picture-words';
import { SimilarPictures } from './similar-pictures';
import { SyncPanel } from './sync-panel';
import { VariantGallery } from './variant-gallery';

const route = getRouteApi('/signed-in/library/$imageId');

export function PicturePage() {
  const { imageId } = route.useParams();
  // Another picture is another page: what was begun on this one is not about that one.
  return <OnePicture key={imageId} imageId={imageId} />;
}

function OnePicture({ imageId }: { imageId: string }) {
  const { slot = 'avatar' } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: image, error } = useSuspenseQuery(imageQuery(imageId));
  const { data: variants } = useSuspenseQuery(variantsQuery(imageId));
  const [renaming, setRenaming] = useState(false);
  // Deleted elsewhere meanwhile. It is asked for again when it is restored.
  if (error && Problem.from(error).status === 404) return <ErrorPage error={error} reset={() => undefined} />;
  const ofSlot = variants.filter((variant) => variant.slot === slot);
  return (
    <Page
      title={nameOf(image)}
      actions={
        <>
          <Chip {...IMAGE_LOOKS[image.state]} />
          <EditLink image={image} />
          <Button icon="pencil" onClick={() => setRenaming(true)}>
            Rename
          </Button>
        </>
      }
    >
      {renaming && <Rename image={image} onDone={() => setRenaming(false)} />}
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
              <AsDefault key={`default ${slot}`} image={image} slot={slot} />
              <SyncPanel key={slot} image={image} slot={slot} />
              <FrameView key={`frames ${slot}`} image={image} variants={ofSlot} />
              <VariantGallery image={image} variants={ofSlot} />
            </>
          )}
        </div>
        <div className="picture-care stack">
          <AltText image={image} />
          <Publish image={image} />
          {image.state === 'ready' && <SimilarPictures imageId={image.id} />}
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
      {image.file_name && image.file_name !== image.title && (
        <div>
          <dt>File name</dt>
          <dd>{image.file_name}</dd>
        </div>
      )}
      <div>
        <dt>Added</dt>
        <dd>
          <Moment at={image.created_at} />
        </dd>
      </div>
    </dl>
  );
}
