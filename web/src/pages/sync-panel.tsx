import { useMutation, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { connectionsQuery } from '../api/queries';
import type { Connection, Image, NewSync, SlotName } from '../api/types';
import { useWishKeys } from '../api/use-wish-keys';
import { Button, buttonClass } from '../components/button';
import { Chip } from '../components/chip';
import { Empty } from '../components/empty';
import { Face } from '../components/face';
import { ProblemNote } from '../components/problem-note';
import { CONNECTION_LOOKS } from '../components/states';
import { takes } from '../defaults';
import { syncWords, withoutUnable } from '../plans';
import { usePlatforms } from '../platforms';
import { Plan } from './plan';
import { useOpenSync } from './use-open-sync';

/** Where the picture shall go: the accounts, what would happen there, and the button that makes it so. */
export function SyncPanel({ image, slot }: { image: Image; slot: SlotName }) {
  const { data: connections } = useSuspenseQuery(connectionsQuery);
  const eligible = connections.filter((connection) => takes(connection, slot) && !connection.leaving);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const chosen = (places: Connection[]) => ({
    image_id: image.id,
    slot,
    connection_ids: places.map(({ id }) => id).filter((id) => !left.has(id)),
    dry_run: false,
  });
  const plan = useMutation({
    // Asks for the accounts that cannot show it as well, so that it is said why.
    mutationFn: () => answer(api.POST('/v1/syncs', { body: { ...chosen(connections), dry_run: true } })),
  });
  const wish = withoutUnable(chosen(eligible), plan.data?.targets ?? []);
  const places = wish.connection_ids.length;
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
      <Plan targets={plan.data?.targets} />
      <div className="row">
        <Button
          kind="main"
          icon="sync"
          disabled={places === 0}
          pending={start.isPending}
          onClick={() => start.mutate(wish)}
        >
          {syncWords(places)}
        </Button>
        <Button disabled={left.size === eligible.length} pending={plan.isPending} onClick={() => plan.mutate()}>
          Dry run
        </Button>
        <p className="small quiet grow">A dry run only says what would happen.</p>
      </div>
    </section>
  );
}

/** Starts a sync and goes to its page. The same wish tried again after a lost answer does not start a second one. */
function useStartSync() {
  const wishKeys = useWishKeys();
  const openSync = useOpenSync();
  return useMutation({
    mutationFn: (body: NewSync) =>
      answer(api.POST('/v1/syncs', { body, params: { header: { 'idempotency-key': wishKeys.of(body) } } })),
    onSuccess: (sync) => {
      wishKeys.forget();
      return openSync(sync);
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
      {mode === 'assisted' && <Chip tone="warn" icon="hand" label="By hand" />}
    </label>
  );
}
