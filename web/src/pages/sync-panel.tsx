import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { answer, api } from '../api/client';
import { newIdempotencyKey } from '../api/idempotency-key';
import { keys } from '../api/keys';
import { connectionsQuery, syncQuery } from '../api/queries';
import type { Connection, Image, NewSync, SlotName, Sync } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Chip } from '../components/chip';
import { Empty } from '../components/empty';
import { Face } from '../components/face';
import { NoteLines } from '../components/note-lines';
import { ProblemNote } from '../components/problem-note';
import { ReasonText } from '../components/reason-text';
import { CONNECTION_LOOKS, PLAN_LOOKS, summarise } from '../components/states';
import { takes } from '../defaults';
import { usePlatforms } from '../platforms';

/** Where the picture shall go: the accounts, what would happen there, and the button that makes it so. */
export function SyncPanel({ image, slot }: { image: Image; slot: SlotName }) {
  const { data: connections } = useSuspenseQuery(connectionsQuery);
  const eligible = connections.filter((connection) => takes(connection, slot));
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const chosen = eligible.filter((connection) => !left.has(connection.id));
  const wish: NewSync = {
    image_id: image.id,
    slot,
    connection_ids: chosen.map((connection) => connection.id),
    dry_run: false,
  };

  const plan = useMutation({
    mutationFn: () => answer(api.POST('/v1/syncs', { body: { ...wish, dry_run: true } })),
  });
  const start = useStartSync();

  if (eligible.length === 0) {
    return (
      <Empty icon="link" title={`No account with ${slot === 'avatar' ? 'an avatar' : 'a banner'} yet`}>
        <p>Connect one, and this picture can go there.</p>
        <Link to="/connections" className={buttonClass('main')}>
          Connect an account
        </Link>
      </Empty>
    );
  }

  const toggle = (id: string) => {
    plan.reset();
    setLeft((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  };

  return (
    <section className="card card-roomy stack">
      <h2>Where it goes</h2>
      <fieldset className="stack-tight">
        <legend className="unseen">Accounts</legend>
        {eligible.map((connection) => (
          <AccountChoice
            key={connection.id}
            connection={connection}
            slot={slot}
            checked={!left.has(connection.id)}
            onToggle={() => toggle(connection.id)}
          />
        ))}
      </fieldset>
      {plan.isError && <ProblemNote error={plan.error} onRetry={() => plan.mutate()} />}
      {start.isError && <ProblemNote error={start.error} onRetry={() => start.mutate(wish)} />}
      <div role="status">{plan.data && <Plan plan={plan.data} />}</div>
      <div className="row">
        <Button
          kind="main"
          icon="sync"
          disabled={chosen.length === 0}
          pending={start.isPending}
          onClick={() => start.mutate(wish)}
        >
          Sync
        </Button>
        <Button disabled={chosen.length === 0} pending={plan.isPending} onClick={() => plan.mutate()}>
          Dry run
        </Button>
        <p className="small quiet grow">A dry run only says what would happen.</p>
      </div>
    </section>
  );
}

/** Starts a sync and goes to its page. The same wish tried again after a lost answer does not start a second one. */
function useStartSync() {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const promise = useRef<{ wish: string; key: string } | null>(null);
  return useMutation({
    mutationFn: (body: NewSync) => {
      const wish = JSON.stringify(body);
      if (promise.current?.wish !== wish) promise.current = { wish, key: newIdempotencyKey() };
      const header = { 'idempotency-key': promise.current.key };
      return answer(api.POST('/v1/syncs', { body, params: { header } }));
    },
    onSuccess: async (sync) => {
      promise.current = null;
      cache.setQueryData(syncQuery(sync.id).queryKey, sync);
      void cache.invalidateQueries({ queryKey: keys.syncList });
      await navigate({ to: '/syncs/$syncId', params: { syncId: sync.id } });
    },
  });
}

interface AccountChoiceProps {
  connection: Connection;
  slot: SlotName;
  checked: boolean;
  onToggle: () => void;
}

function AccountChoice({ connection, slot, checked, onToggle }: AccountChoiceProps) {
  const { named } = usePlatforms();
  const platform = named(connection.platform);
  const mode = connection.slots.find((candidate) => candidate.slot === slot)?.mode;
  const avatar = connection.slots.find((candidate) => candidate.slot === 'avatar')?.observed?.picture_url;
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={onToggle} />
      <Face picture={avatar} platform={platform} />
      <span className="grow">
        <strong>{connection.remote_handle}</strong>
        <br />
        <span className="small quiet">{platform.name}</span>
      </span>
      {connection.state !== 'healthy' && <Chip {...CONNECTION_LOOKS[connection.state]} />}
      {mode === 'assisted' && <Chip tone="warn" icon="hand" label="Assisted" />}
    </label>
  );
}

function Plan({ plan }: { plan: Sync }) {
  const { named } = usePlatforms();
  return (
    <div className="plan stack-tight">
      <p>
        <strong>What would happen:</strong>{' '}
        {summarise(
          plan.targets.map((target) => target.state),
          PLAN_LOOKS,
        )}
        .
      </p>
      <ul className="stack-tight">
        {plan.targets.map((target) => (
          <li key={target.connection_id} className="row">
            <Chip {...PLAN_LOOKS[target.state]} />
            <span className="grow">
              {target.remote_handle} <span className="quiet">({named(target.platform).name})</span>
              <ReasonText reason={target.reason} />
              <NoteLines notes={target.notes} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
