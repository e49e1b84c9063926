import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { connectionChoiceQuery } from '../api/queries';
import type { Connection, ConnectionChoice, OfferedAccount } from '../api/types';
import { Button } from '../components/button';
import { Face } from '../components/face';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { usePlatforms } from '../platforms';
import { ConnectButton } from './platform-tile';

const route = getRouteApi('/signed-in/connections/choose');

/** Where a platform's consent page leads that has opened several accounts: nothing is connected before one is chosen. */
export function ChooseAccountsPage() {
  const { choice: id } = route.useSearch();
  const { data: choice, error, refetch } = useQuery(connectionChoiceQuery(id));
  return (
    <Page title={choice?.expected ? 'Another account' : 'Choose accounts'} lead={<Lead choice={choice} />}>
      {choice && (
        <div className="stack-wide">
          {choice.expected && <OnceMore choice={choice} expected={choice.expected} />}
          <Choosing id={id} choice={choice} />
        </div>
      )}
      {!choice && error && (
        <ProblemNote error={error} onRetry={() => void refetch()}>
          <Link to="/connections">To your connections</Link>
        </ProblemNote>
      )}
    </Page>
  );
}

function Lead({ choice }: { choice: ConnectionChoice | undefined }) {
  const { named } = usePlatforms();
  if (!choice) return null;
  const { accounts, expected } = choice;
  const [only] = accounts;
  if (!expected) {
    return `Your consent opened several accounts (${named(choice.platform).name}). Only those that you choose here are connected.`;
  }
  return only && accounts.length === 1
    ? `You signed in as ${only.remote_handle}, not ${expected.remote_handle}.`
    : `Your consent did not open ${expected.remote_handle}.`;
}

/** The one way on: to the account that was meant. */
function OnceMore({ choice, expected }: { choice: ConnectionChoice; expected: Connection }) {
  const platform = usePlatforms().all.find(({ id }) => id === choice.platform);
  return (
    <section className="card card-roomy stack" aria-labelledby="once-more">
      <h2 id="once-more">Connect {expected.remote_handle} again</h2>
      <p>
        Go there once more, and open {expected.remote_handle} this time: sign out first, or switch accounts. Nothing has
        changed here, and what waits goes on waiting.
      </p>
      {platform && <ConnectButton platform={platform} connection={expected} />}
    </section>
  );
}

function Choosing({ id, choice }: { id: string; choice: ConnectionChoice }) {
  // What is connected already was opened again for a reason, most often because its access had ended.
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    () =>
      new Set(
        choice.accounts
          .filter((account, _, { length }) => account.connection_id || length === 1)
          .map((account) => account.remote_id),
      ),
  );
  const connect = useChoose(id);
  const toggle = (remoteId: string) => {
    const next = new Set(chosen);
    if (!next.delete(remoteId)) next.add(remoteId);
    setChosen(next);
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!connect.isPending && chosen.size > 0) connect.mutate([...chosen]);
      }}
    >
      <fieldset className="stack-tight">
        <legend>
          {choice.expected ? 'Or connect what you opened, beside it' : 'Which of them shall show your pictures?'}
        </legend>
        {choice.accounts.map((account) => (
          <Offer
            key={account.remote_id}
            account={account}
            platform={choice.platform}
            checked={chosen.has(account.remote_id)}
            onToggle={() => toggle(account.remote_id)}
          />
        ))}
      </fieldset>
      {connect.isError && (
        <ProblemNote error={connect.error}>
          <Link to="/connections">To your connections</Link>
        </ProblemNote>
      )}
      <div className="row">
        <Button kind="main" type="submit" icon="link" pending={connect.isPending} disabled={chosen.size === 0}>
          {chosen.size > 1 ? `Connect ${chosen.size} accounts` : 'Connect'}
        </Button>
        <Link to="/connections">Connect none</Link>
      </div>
    </form>
  );
}

interface OfferProps {
  account: OfferedAccount;
  platform: string;
  checked: boolean;
  onToggle: () => void;
}

function Offer({ account, platform, checked, onToggle }: OfferProps) {
  const { named } = usePlatforms();
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={onToggle} />
      <Face picture={account.picture_url} platform={named(platform)} />
      <span className="grow">
        <strong>{account.remote_handle}</strong>
        {account.connection_id && (
          <>
            <br />
            <span className="small quiet">Connected already; choosing it renews the access.</span>
          </>
        )}
      </span>
    </label>
  );
}

function useChoose(id: string) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (remoteIds: string[]) =>
      answer(
        api.POST('/v1/connections/choices/{choice_id}', {
          params: { path: { choice_id: id } },
          body: { remote_ids: remoteIds },
        }),
      ),
    onSuccess: async ({ items }) => {
      await cache.invalidateQueries({ queryKey: keys.connections });
      await navigate({ to: '/connections', search: { connected: items.map((item) => item.id).join() }, replace: true });
    },
  });
}
