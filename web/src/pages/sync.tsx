import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { imageQuery, syncQuery, variantsQuery } from '../api/queries';
import type { Sync, Target } from '../api/types';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { Moment } from '../components/moment';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { isMoving, summarise, syncLook, syncTitle, TRIGGER_NAMES } from '../components/states';
import { SyncThumb } from '../components/sync-row';
import { Upcoming } from '../components/upcoming';
import { nameOf } from '../pictures';
import { sharedCauses } from '../targets';
import { UndoSync } from './put-back';
import { TargetRow } from './target-row';

const route = getRouteApi('/signed-in/syncs/$syncId');

export function SyncPage() {
  const { syncId } = route.useParams();
  const { data: sync } = useSuspenseQuery(syncQuery(syncId));
  const ofLibrary = { enabled: sync.image_id !== null };
  const { data: image } = useQuery({ ...imageQuery(sync.image_id ?? ''), ...ofLibrary });
  const { data: variants = [] } = useQuery({ ...variantsQuery(sync.image_id ?? ''), ...ofLibrary });
  return (
    <Page
      title={syncTitle(sync)}
      actions={
        <>
          <CancelButton sync={sync} />
          <UndoSync sync={sync} />
        </>
      }
    >
      <div className="stack">
        <div className="card row sync-head">
          {sync.image_id ? (
            <Link to="/library/$imageId" params={{ imageId: sync.image_id }} aria-label="The picture">
              <SyncThumb sync={sync} />
            </Link>
          ) : (
            <SyncThumb sync={sync} />
          )}
          <div className="grow stack-tight">
            <p role="status">
              <Chip {...syncLook(sync)} />
              <br />
              {summarise(sync.targets) || 'No accounts'}
            </p>
            <p className="small quiet">
              {TRIGGER_NAMES[sync.trigger]}
              {image && `, ${nameOf(image)}`}
              {sync.created_at && (
                <>
                  , <Moment at={sync.created_at} />
                </>
              )}
            </p>
            <SharedCauses targets={sync.targets} />
          </div>
        </div>
        <ul className="stack" aria-label="Accounts">
          {sync.targets.map((target) => (
            <TargetRow
              key={target.id}
              target={target}
              sent={variants.find((variant) => variant.platform === target.platform && variant.slot === target.slot)}
            />
          ))}
        </ul>
      </div>
    </Page>
  );
}

/** What holds several accounts up, told once for all of them. */
function SharedCauses({ targets }: { targets: Target[] }) {
  const causes = sharedCauses(targets);
  if (causes.length === 0) return null;
  return (
    <ul className="bullets small" aria-label="What holds accounts up">
      {causes.map(({ count, reason, reconnect, at }) =>
        reconnect ? (
          <li key="reconnect">
            {count} accounts need reconnecting. <Link to="/connections">Go to your connections</Link>
          </li>
        ) : (
          <li key={reason}>
            {count} accounts: {reason}
            {at && (
              <>
                {' '}
                Next try <Upcoming at={at} />.
              </>
            )}
          </li>
        ),
      )}
    </ul>
  );
}

function CancelButton({ sync }: { sync: Sync }) {
  const cache = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => answer(api.POST('/v1/syncs/{sync_id}/cancel', { params: { path: { sync_id: sync.id } } })),
    onSuccess: (cancelled) => {
      cache.setQueryData(syncQuery(sync.id).queryKey, cancelled);
      return cache.invalidateQueries({ queryKey: keys.syncList });
    },
  });
  if (!sync.targets.some((target) => isMoving(target.state) || target.state === 'paused')) return null;
  return (
    <>
      {cancel.isError && <ProblemNote error={cancel.error} />}
      <Button icon="cross" pending={cancel.isPending} onClick={() => cancel.mutate()}>
        Cancel what is not sent yet
      </Button>
    </>
  );
}
