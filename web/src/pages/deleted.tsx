import { useMutation, useQuery, useQueryClient, useSuspenseInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { deletedPicturesQuery, libraryQuery } from '../api/queries';
import type { Image } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { ConfirmDialog } from '../components/dialog';
import { Empty } from '../components/empty';
import { Moment } from '../components/moment';
import { More } from '../components/more';
import { Page } from '../components/page';
import { PictureThumb } from '../components/picture-tile';
import { ProblemNote } from '../components/problem-note';
import { formatBytes } from '../format';
import { nameOf } from '../pictures';
import { toasts } from '../toasts';
import { cameBack, purge, purgeAll, roomQuery } from './purge';
import { restore } from './restore';

/** What was deleted and can still be brought back, or go for good. */
export function DeletedPage() {
  const query = useSuspenseInfiniteQuery(deletedPicturesQuery);
  const images = query.data.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Deleted pictures"
      lead="They can be restored until their time is over, and come back to where they were a default, too. Their room comes back when they are gone for good."
      actions={
        <>
          <Link to="/library" className={buttonClass()}>
            Back to the library
          </Link>
          {images.length > 0 && <EmptyAll />}
        </>
      }
    >
      <div className="stack">
        {images.length === 0 ? (
          <Empty icon="trash" title="Nothing deleted">
            <p>Pictures that you delete wait here for a while, so that you can think again.</p>
          </Empty>
        ) : (
          <ul className="tiles tiles-small" aria-label="Deleted pictures">
            {images.map((image) => (
              <DeletedPicture key={image.id} image={image} />
            ))}
          </ul>
        )}
        <More query={query} what="deleted pictures" />
      </div>
    </Page>
  );
}

function EmptyAll() {
  const [asking, setAsking] = useState(false);
  const cache = useQueryClient();
  const library = useQuery(libraryQuery).data;
  const emptying = useMutation({
    mutationFn: () => purgeAll(cache),
    onSuccess: (purged) => toasts.say({ text: `${pictures(purged.images)} gone for good.${cameBack(purged)}` }),
  });
  return (
    <>
      <Button kind="danger" icon="trash" onClick={() => setAsking(true)}>
        Empty
      </Button>
      <ConfirmDialog
        title="Delete all of them for good?"
        open={asking}
        onClose={() => setAsking(false)}
        confirm="Delete for good"
        onConfirm={() => emptying.mutate()}
        pending={emptying.isPending}
        error={emptying.error}
      >
        <p>
          {library ? pictures(library.deleted) : 'All deleted pictures are'} gone for good then. This cannot be undone.
        </p>
        {library && <Room bytes={library.deleted_bytes} />}
      </ConfirmDialog>
    </>
  );
}

function DeletedPicture({ image }: { image: Image }) {
  const [asking, setAsking] = useState(false);
  const cache = useQueryClient();
  const restoring = useMutation({
    mutationFn: () => restore(cache, image.id),
    onSuccess: () => toasts.say({ text: `“${nameOf(image)}” is back in your library.` }),
  });
  const purging = useMutation({
    mutationFn: () => purge(cache, image.id),
    onSuccess: (purged) => toasts.say({ text: `“${nameOf(image)}” is gone for good.${cameBack(purged)}` }),
  });
  return (
    <li className="tile">
      <PictureThumb image={image} alt="" />
      <span className="tile-text">
        <strong className="tile-name">{nameOf(image)}</strong>
        {image.restorable_until && (
          <span className="small quiet">
            Gone for good <Moment at={image.restorable_until} planned />
          </span>
        )}
      </span>
      <div className="row">
        <Button
          pending={restoring.isPending}
          onClick={() => restoring.mutate()}
          aria-label={`Restore ${nameOf(image)}`}
        >
          Restore
        </Button>
        <Button kind="ghost" onClick={() => setAsking(true)} aria-label={`Delete ${nameOf(image)} for good`}>
          Delete for good
        </Button>
      </div>
      {restoring.isError && <ProblemNote error={restoring.error} />}
      <ConfirmDialog
        title={`Delete “${nameOf(image)}” for good?`}
        open={asking}
        onClose={() => setAsking(false)}
        confirm="Delete for good"
        onConfirm={() => purging.mutate()}
        pending={purging.isPending}
        error={purging.error}
      >
        <p>This cannot be undone.</p>
        <RoomOf image={image} />
      </ConfirmDialog>
    </li>
  );
}

function RoomOf({ image }: { image: Image }) {
  const room = useQuery(roomQuery(image)).data;
  return room === undefined ? null : <Room bytes={room} />;
}

/** How much room comes back. */
function Room({ bytes }: { bytes: number }) {
  return (
    <p>
      {bytes === 0
        ? 'No room comes back: other pictures are from the same file.'
        : `${formatBytes(bytes)} of room come back.`}
    </p>
  );
}

function pictures(count: number): string {
  return count === 1 ? 'One picture is' : `${count} pictures are`;
}
