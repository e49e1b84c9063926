import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { connectionsQuery } from '../api/queries';
import type { Connection, SlotName } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Dialog } from '../components/dialog';
import { Icon } from '../components/icon';
import { ProblemNote } from '../components/problem-note';
import { usePlatforms } from '../platforms';
import { useImport } from './use-import';

/** Takes in a picture that a connected account shows. */
export function FromAccount() {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button icon="link" onClick={() => setAsking(true)}>
        From a connected account
      </Button>
      <Dialog title="What your accounts show" open={asking} onClose={() => setAsking(false)}>
        <ShownPictures />
        <div>
          <Button onClick={() => setAsking(false)}>Close</Button>
        </div>
      </Dialog>
    </>
  );
}

function ShownPictures() {
  const query = useQuery(connectionsQuery);
  if (query.isError) return <ProblemNote error={query.error} onRetry={() => void query.refetch()} />;
  if (query.isPending) return <p role="status">Looking …</p>;
  if (query.data.length === 0) {
    return (
      <>
        <p>You have no connected account yet. Connect one, and its pictures can be taken from there.</p>
        <div>
          <Link to="/connections" className={buttonClass('main')}>
            Connect an account
          </Link>
        </div>
      </>
    );
  }
  return (
    <ul className="stack" aria-label="Pictures of your accounts">
      {query.data.flatMap((connection) =>
        connection.slots
          .filter(({ mode }) => mode !== 'none')
          .map(({ slot, observed }) => (
            <ShownPicture
              key={`${connection.id} ${slot}`}
              connection={connection}
              slot={slot as SlotName}
              picture={observed?.picture_url ?? null}
            />
          )),
      )}
    </ul>
  );
}

interface ShownPictureProps {
  connection: Connection;
  slot: SlotName;
  /** What it shows there now, if anything. */
  picture: string | null;
}

function ShownPicture({ connection, slot, picture }: ShownPictureProps) {
  const platform = usePlatforms().named(connection.platform);
  const taking = useImport(connection.id, slot);
  return (
    <li className="stack-tight">
      <div className="row shown">
        <span className={`shown-picture shown-${slot}`}>
          {picture ? <img src={picture} alt="" loading="lazy" /> : <Icon name="dash" />}
        </span>
        <span className="grow">
          <strong>{connection.remote_handle}</strong>
          <br />
          <span className="small quiet">
            {platform.name}, {picture ? slot : `shows no ${slot}`}
          </span>
        </span>
        <span role="status">
          {taking.isSuccess && (
            <Link to="/library/$imageId" params={{ imageId: taking.data.id }}>
              In your library<span className="unseen">: open it</span>
            </Link>
          )}
        </span>
        {picture && !taking.isSuccess && (
          <Button
            icon="download"
            pending={taking.isPending}
            onClick={() => taking.mutate()}
            aria-label={`Take in the ${slot} of ${connection.remote_handle}, ${platform.name}`}
          >
            Take in
          </Button>
        )}
      </div>
      {taking.isError && <ProblemNote error={taking.error} />}
    </li>
  );
}
