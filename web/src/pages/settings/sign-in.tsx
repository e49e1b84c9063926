import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../../api/client';
import { keys } from '../../api/keys';
import { identitiesQuery, meQuery, providersQuery } from '../../api/queries';
import type { Identity, SignInProvider } from '../../api/types';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { ConfirmDialog } from '../../components/dialog';
import { Icon } from '../../components/icon';
import { Moment } from '../../components/moment';
import { Page } from '../../components/page';
import { ProblemNote } from '../../components/problem-note';
import { ProviderProblemNote } from '../../components/provider-problem-note';

const route = getRouteApi('/signed-in/settings/sign-in');
const PATH = '/settings/sign-in';

export function SignInMethodsPage() {
  const { data: me } = useSuspenseQuery(meQuery);
  const { data: identities } = useSuspenseQuery(identitiesQuery);
  const { data: offered } = useSuspenseQuery(providersQuery);
  const lastWayIn = !me.has_password && identities.length === 1;
  return (
    <Page
      title="Sign-in methods"
      lead="Each of them opens your account. Keep at least two, and you are never locked out."
    >
      <div className="stack-wide narrow">
        <LinkOutcome providers={offered.items} identities={identities} />
        <section className="stack" aria-labelledby="linked">
          <h2 id="linked">Yours</h2>
          <ul className="stack" aria-label="Your sign-in methods">
            <li className="card row">
              <span className="sign">
                <Icon name="key" />
              </span>
              <div className="grow stack-tight">
                <h3>Password</h3>
                <p className="small quiet">{me.has_password ? `With ${me.email}` : 'You have none.'}</p>
              </div>
              <Link to="/settings">{me.has_password ? 'Change it' : 'Set one'}</Link>
            </li>
            {identities.map((identity) => (
              <IdentityRow key={identity.id} identity={identity} lastWayIn={lastWayIn} />
            ))}
          </ul>
        </section>
        {offered.items.length > 0 && (
          <section className="stack" aria-labelledby="more">
            <h2 id="more">Link another</h2>
            <ul className="stack" aria-label="Providers to link">
              {offered.items.map((provider) => (
                <ProviderRow
                  key={provider.id}
                  provider={provider}
                  linked={identities.some((identity) => identity.provider === provider.id)}
                />
              ))}
            </ul>
          </section>
        )}
      </div>
    </Page>
  );
}

/** What came of a visit to a provider. */
function LinkOutcome({ providers, identities }: { providers: SignInProvider[]; identities: Identity[] }) {
  const { problem, provider, linked } = route.useSearch();
  const label = providers.find(({ id }) => id === (provider ?? linked))?.label;
  if (problem) return <ProviderProblemNote reason={problem} provider={label} />;
  if (!identities.some((identity) => identity.provider === linked)) return null;
  return (
    <div className="note note-good" role="status">
      <Icon name="check" />
      <p className="grow">You can log in with {label ?? 'it'} from now on.</p>
    </div>
  );
}

function IdentityRow({ identity, lastWayIn }: { identity: Identity; lastWayIn: boolean }) {
  const { id, provider, provider_label, name, created_at, last_used_at } = identity;
  return (
    <li className="card row">
      <Badge id={provider} name={provider_label} />
      <div className="grow stack-tight">
        <h3>{provider_label}</h3>
        <p className="small quiet">
          {name && <>{name} · </>}linked <Moment at={created_at} /> ·{' '}
          {last_used_at ? (
            <>
              last used <Moment at={last_used_at} />
            </>
          ) : (
            'not used yet'
          )}
        </p>
        {lastWayIn && (
          <p className="small">
            This is your only way in, so it cannot be unlinked. <Link to="/settings">Set a password</Link> or link
            another provider first.
          </p>
        )}
      </div>
      {!lastWayIn && <UnlinkButton id={id} label={provider_label} name={name} />}
    </li>
  );
}

function UnlinkButton({ id, label, name }: { id: string; label: string; name: string | null }) {
  const [asking, setAsking] = useState(false);
  const cache = useQueryClient();
  const unlink = useMutation({
    mutationFn: () => answer(api.DELETE('/v1/me/identities/{identity_id}', { params: { path: { identity_id: id } } })),
    onSuccess: async () => {
      setAsking(false);
      await cache.invalidateQueries({ queryKey: keys.identities });
    },
  });
  return (
    <>
      <Button kind="ghost" onClick={() => setAsking(true)} aria-label={`Unlink ${label}`}>
        Unlink
      </Button>
      <ConfirmDialog
        title={`Unlink ${label}?`}
        open={asking}
        onClose={() => setAsking(false)}
        confirm="Unlink"
        onConfirm={() => unlink.mutate()}
        pending={unlink.isPending}
        error={unlink.error}
      >
        <p>
          You can no longer log in with {name ? `${name} at ${label}` : label}. Your account there stays as it is, and
          you can link it again.
        </p>
      </ConfirmDialog>
    </>
  );
}

function ProviderRow({ provider, linked }: { provider: SignInProvider; linked: boolean }) {
  const { id, label } = provider;
  const link = useMutation({
    mutationFn: () =>
      answer(
        api.POST('/v1/me/identities', {
          body: { provider: id, return_to: `${PATH}?${new URLSearchParams({ linked: id }).toString()}` },
        }),
      ),
    onSuccess: ({ authorize_url }) => location.assign(authorize_url),
  });
  return (
    <li className="card stack-tight">
      <div className="row">
        <Badge id={id} name={label} />
        <div className="grow stack-tight">
          <h3>{label}</h3>
          {linked && <p className="small quiet">Linked already; this is for a second account there.</p>}
        </div>
        <Button
          icon="link"
          pending={link.isPending || link.isSuccess}
          onClick={() => link.mutate()}
          aria-label={`Link ${label}`}
        >
          Link
        </Button>
      </div>
      {link.isError && <ProblemNote error={link.error} />}
    </li>
  );
}
