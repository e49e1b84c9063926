import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { syncQuery } from '../api/queries';
import type { Connection } from '../api/types';
import { useWishKeys } from '../api/use-wish-keys';
import { Button } from '../components/button';
import { ProblemNote } from '../components/problem-note';
import { type Defaults, type DefaultSync, syncsFor } from '../defaults';
import { withoutUnable } from '../plans';
import { Plan } from './plan';

/** Sends every default to where it goes: one sync a picture. */
export function BringEverywhere({ defaults, connections }: { defaults: Defaults; connections: Connection[] }) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const wishKeys = useWishKeys();
  const wishes = syncsFor(defaults, connections);
  const plan = useMutation({
    mutationFn: async () => {
      const plans = wishes.map((wish) => answer(api.POST('/v1/syncs', { body: { ...wish, dry_run: true } })));
      return (await Promise.all(plans)).flatMap(({ targets }) => targets);
    },
  });
  const able = wishes
    .map((wish) => withoutUnable(wish, plan.data ?? []))
    .filter(({ connection_ids }) => connection_ids.length > 0);
  const places = able.reduce((sum, wish) => sum + wish.connection_ids.length, 0);
  const start = useMutation({
    // What was started before something failed is not started twice by trying again.
    mutationFn: async (wanted: DefaultSync[]) => {
      const started = [];
      for (const body of wanted) {
        const header = { 'idempotency-key': wishKeys.of(body) };
        started.push(await answer(api.POST('/v1/syncs', { body, params: { header } })));
      }
      return started;
    },
    onSuccess: async (syncs) => {
      wishKeys.forget();
      for (const sync of syncs) cache.setQueryData(syncQuery(sync.id).queryKey, sync);
      await cache.invalidateQueries({ queryKey: keys.syncList });
      const [only] = syncs;
      if (only && syncs.length === 1) await navigate({ to: '/syncs/$syncId', params: { syncId: only.id } });
      else await navigate({ to: '/syncs' });
    },
  });
  return (
    <div className="stack-tight">
      {plan.isError && <ProblemNote error={plan.error} onRetry={() => plan.mutate()} />}
      {start.isError && <ProblemNote error={start.error} onRetry={() => start.mutate(able)} />}
      <Plan targets={plan.data} />
      <div className="row">
        <Button
          kind="main"
          icon="sync"
          disabled={able.length === 0}
          pending={start.isPending}
          onClick={() => start.mutate(able)}
        >
          Bring these everywhere
        </Button>
        <Button disabled={wishes.length === 0} pending={plan.isPending} onClick={() => plan.mutate()}>
          Dry run
        </Button>
        <p className="small quiet grow">{summary(places, connections.length)}</p>
      </div>
    </div>
  );
}

function summary(places: number, accounts: number): string {
  if (accounts === 0) return 'Connect an account first.';
  if (places === 0) return 'Choose a picture first.';
  return `${places === 1 ? 'One place gets' : `${places} places get`} what is chosen for it. What is right already is left alone.`;
}
