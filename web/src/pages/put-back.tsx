import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { connectionsQuery } from '../api/queries';
import type { Sync, Target } from '../api/types';
import { useWishKeys } from '../api/use-wish-keys';
import { Button, type ButtonKind } from '../components/button';
import { Dialog } from '../components/dialog';
import { Icon } from '../components/icon';
import { PlacePicture } from '../components/place-picture';
import { ProblemNote } from '../components/problem-note';
import { usePlatforms } from '../platforms';
import { canBePutBack } from '../targets';
import { useOpenSync } from './use-open-sync';

/** Brings back what was there before a sync, everywhere where it has sent something. */
export function UndoSync({ sync }: { sync: Sync }) {
  const targets = sync.targets.filter(canBePutBack);
  if (sync.state !== 'finished' || targets.length === 0) return null;
  return (
    <PutBack
      label="Undo"
      targets={targets}
      begin={(key) =>
        answer(
          api.POST('/v1/syncs/{sync_id}/rollback', {
            params: { path: { sync_id: sync.id }, header: { 'idempotency-key': key } },
          }),
        )
      }
    />
  );
}

/** Brings back what one place showed before its target. */
export function PutBackTarget({ target }: { target: Target }) {
  if (!canBePutBack(target)) return null;
  return (
    <PutBack
      label="Put back what was there before"
      kind="ghost"
      targets={[target]}
      begin={(key) =>
        answer(
          api.POST('/v1/targets/{target_id}/rollback', {
            params: { path: { target_id: target.id }, header: { 'idempotency-key': key } },
            body: { snapshot_id: '' },
          }),
        )
      }
    />
  );
}

interface PutBackProps {
  label: string;
  kind?: ButtonKind;
  /** Where something is put back. */
  targets: Target[];
  begin: (idempotencyKey: string) => Promise<Sync>;
}

function PutBack({ label, kind = 'plain', targets, begin }: PutBackProps) {
  const [asking, setAsking] = useState(false);
  const wishKeys = useWishKeys();
  const openSync = useOpenSync();
  const start = useMutation({
    // The same key after a lost answer, so that it is put back once.
    mutationFn: () => begin(wishKeys.of('put back')),
    onSuccess: (sync) => {
      wishKeys.forget();
      return openSync(sync);
    },
  });
  return (
    <>
      <div>
        <Button kind={kind} icon="undo" onClick={() => setAsking(true)}>
          {label}
        </Button>
      </div>
      <Dialog title="Put back what was there before?" open={asking} onClose={() => setAsking(false)}>
        <ul className="stack" aria-label="What changes">
          {targets.map((target) => (
            <NowAndThen key={target.id} target={target} />
          ))}
        </ul>
        <p>Your picture stays in the library, and you can bring it there again.</p>
        {start.isError && <ProblemNote error={start.error} onRetry={() => start.mutate()} />}
        <div className="row">
          <Button kind="main" icon="undo" pending={start.isPending} onClick={() => start.mutate()}>
            Put back
          </Button>
          <Button onClick={() => setAsking(false)}>Keep as it is</Button>
        </div>
      </Dialog>
    </>
  );
}

/** What a place shows now, and what it would show. */
function NowAndThen({ target }: { target: Target }) {
  const { data: connections = [] } = useQuery(connectionsQuery);
  const { name } = usePlatforms().named(target.platform);
  const connection = connections.find(({ id }) => id === target.connection_id);
  // Something newer than this target may be there by now.
  const now = connection?.slots.find(({ slot }) => slot === target.slot)?.observed ?? target.observed;
  return (
    <li className="stack-tight">
      <p>
        <strong>{target.remote_handle}</strong>{' '}
        <span className="quiet">
          ({name}, {target.slot})
        </span>
      </p>
      <div className={`compare compare-${target.slot}`}>
        <PlacePicture picture={now?.picture_url} none={now?.url === null} caption="Now" />
        <Icon name="arrow" />
        <PlacePicture picture={target.before?.picture_url} none caption="Then" />
      </div>
    </li>
  );
}
