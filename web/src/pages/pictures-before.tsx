import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { snapshotsQuery } from '../api/queries';
import type { Connection, SlotName, Snapshot } from '../api/types';
import { useWishKeys } from '../api/use-wish-keys';
import { caredFor } from '../care';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { Dialog } from '../components/dialog';
import { Icon } from '../components/icon';
import { Moment } from '../components/moment';
import { More } from '../components/more';
import { ProblemNote } from '../components/problem-note';
import { ReasonText } from '../components/reason-text';
import { SLOT_NAMES } from '../components/states';
import { usePlatforms } from '../platforms';
import { useOpenSync } from './use-open-sync';

/** What was found in an account's places so far, each a way back. */
export function PicturesBefore({ connection }: { connection: Connection }) {
  const places = connection.slots.filter(({ mode }) => mode !== 'none');
  return (
    <section className="stack" aria-labelledby="before">
      <h2 id="before">Pictures from before</h2>
      <p className="quiet">Whatever was found here is kept, and can be put back.</p>
      {places.map(({ slot }) => (
        <PlaceBefore key={slot} connection={connection} slot={slot as SlotName} />
      ))}
    </section>
  );
}

interface PlaceProps {
  connection: Connection;
  slot: SlotName;
}

function PlaceBefore({ connection, slot }: PlaceProps) {
  const query = useInfiniteQuery(snapshotsQuery(connection.id, slot));
  const found = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="stack">
      <h3>{SLOT_NAMES[slot]}</h3>
      {query.isPending && <span className="spinner" role="status" aria-label="Loading" />}
      {query.isLoadingError && <ProblemNote error={query.error} onRetry={() => void query.refetch()} />}
      {query.isSuccess && found.length === 0 && (
        <p className="quiet">Nothing was found yet: the first look brings it.</p>
      )}
      {found.length > 0 && (
        <ul className={`before before-${slot}`} aria-label={`${SLOT_NAMES[slot]}s`}>
          {found.map((snapshot) => (
            <Before key={snapshot.id} snapshot={snapshot} connection={connection} slot={slot} />
          ))}
        </ul>
      )}
      <More query={query} what="pictures" />
    </div>
  );
}

function Before({ snapshot, connection, slot }: PlaceProps & { snapshot: Snapshot }) {
  const restorable = !connection.leaving && caredFor(connection).some((place) => place.slot === slot);
  return (
    <li className="card stack-tight">
      {snapshot.picture_url ? (
        <img
          className={`seen seen-${slot}`}
          src={snapshot.picture_url}
          alt={`${SLOT_NAMES[slot]} from before`}
          loading="lazy"
        />
      ) : (
        <span className={`seen seen-${slot} seen-none`}>
          <Icon name="dash" size={24} />
          There was none
        </span>
      )}
      <p className="small quiet">
        Found <Moment at={snapshot.found_at} />
      </p>
      {(snapshot.is_first || snapshot.shown_now) && (
        <p className="row badges">
          {snapshot.is_first && <Chip tone="busy" icon="star" label="Before Linkarooie" />}
          {snapshot.shown_now && <Chip tone="good" icon="check" label="Shown now" />}
        </p>
      )}
      <ReasonText reason={snapshot.cannot_restore} />
      {restorable && !snapshot.shown_now && !snapshot.cannot_restore && (
        <PutBack snapshot={snapshot} connection={connection} slot={slot} />
      )}
    </li>
  );
}

function PutBack({ snapshot, connection, slot }: PlaceProps & { snapshot: Snapshot }) {
  const [asking, setAsking] = useState(false);
  const there = `${connection.remote_handle} on ${usePlatforms().named(connection.platform).name}`;
  const putBack = usePutBack(snapshot, slot);
  const none = snapshot.picture_url === null;
  return (
    <>
      <div>
        <Button icon="undo" onClick={() => setAsking(true)}>
          Put back
          <span className="unseen">
            {none ? ` no ${slot}, as found ` : ` the ${slot} found `}
            <Moment at={snapshot.found_at} />
          </span>
        </Button>
      </div>
      <Dialog
        title={none ? `Show no ${slot} again?` : `Put this ${slot} back?`}
        open={asking}
        onClose={() => setAsking(false)}
      >
        {snapshot.picture_url && <img className={`seen seen-${slot}`} src={snapshot.picture_url} alt="" />}
        <p>
          {none ? `There was none, so the one of ${there} is removed.` : `It is brought to ${there} again.`} What is
          there now is kept likewise.
        </p>
        {putBack.isError && <ProblemNote error={putBack.error} onRetry={() => putBack.mutate()} />}
        <div className="row">
          <Button
            kind={none ? 'danger' : 'main'}
            icon="undo"
            pending={putBack.isPending}
            onClick={() => putBack.mutate()}
          >
            {none ? `Remove the ${slot}` : 'Put back'}
          </Button>
          <Button onClick={() => setAsking(false)}>Keep as it is</Button>
        </div>
      </Dialog>
    </>
  );
}

/** Puts back, and goes to the sync that does it. The same wish after a lost answer starts no second one. */
function usePutBack({ id, connection_id }: Snapshot, slot: SlotName) {
  const wishKeys = useWishKeys();
  const openSync = useOpenSync();
  return useMutation({
    mutationFn: () =>
      answer(
        api.POST('/v1/connections/{connection_id}/rollback', {
          params: { path: { connection_id }, header: { 'idempotency-key': wishKeys.of(id) } },
          body: { slot, snapshot_id: id },
        }),
      ),
    onSuccess: (sync) => {
      wishKeys.forget();
      return openSync(sync);
    },
  });
}
