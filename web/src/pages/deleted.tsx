import { useMutation, useQueryClient, useSuspenseInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { deletedPicturesQuery } from '../api/queries';
import type { Image } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Empty } from '../components/empty';
import { Moment } from '../components/moment';
import { More } from '../components/more';
import { Page } from '../components/page';
import { PictureThumb } from '../components/picture-tile';
import { ProblemNote } from '../components/problem-note';
import { nameOf } from '../pictures';
import { toasts } from '../toasts';
import { restore } from './restore';

/** What was deleted and can still be brought back. */
export function DeletedPage() {
  const query = useSuspenseInfiniteQuery(deletedPicturesQuery);
  const images = query.data.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Deleted pictures"
      lead="They can be restored until their time is over, and come back to where they were a default, too."
      actions={
        <Link to="/library" className={buttonClass()}>
          Back to the library
        </Link>
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

function DeletedPicture({ image }: { image: Image }) {
  const cache = useQueryClient();
  const restoring = useMutation({
    mutationFn: () => restore(cache, image.id),
    onSuccess: () => toasts.say({ text: `“${nameOf(image)}” is back in your library.` }),
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
      <div>
        <Button
          pending={restoring.isPending}
          onClick={() => restoring.mutate()}
          aria-label={`Restore ${nameOf(image)}`}
        >
          Restore
        </Button>
      </div>
      {restoring.isError && <ProblemNote error={restoring.error} />}
    </li>
  );
}
