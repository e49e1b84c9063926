import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { useSyncExternalStore } from 'react';
import { confirmation } from '../api/confirmation';
import { keys } from '../api/keys';
import { Problem } from '../api/problem';
import { identitiesQuery, meQuery, providersQuery } from '../api/queries';
import { signIn } from '../api/sign-in';
import { Button } from '../components/button';
import { useSecondsUntil } from '../components/countdown';
import { Dialog } from '../components/dialog';
import { OwnerOfPassword, PasswordField } from '../components/field';
import { ProblemNote } from '../components/problem-note';
import { ProviderLinks } from '../components/provider-links';
import { entries } from '../forms';

const follow = (listener: () => void) => confirmation.subscribe(listener);
const isAsked = () => confirmation.isAsked;
const decline = () => confirmation.settle(false);

/** Asks who is signed in to prove it once more, whenever the server wants a fresher sign-in for something. What waits for it then goes on. */
export function ConfirmItsYou() {
  const asked = useSyncExternalStore(follow, isAsked);
  return (
    <Dialog title="Confirm that it’s you" open={asked} onClose={decline}>
      <p>
        Your last sign-in was a while ago, and this could lock you out in the wrong hands. Confirm once; it holds for a
        quarter of an hour.
      </p>
      <Ways />
    </Dialog>
  );
}

function Ways() {
  const { data: me } = useSuspenseQuery(meQuery);
  const here = useLocation({ select: (location) => location.href });
  const linked = useQuery(identitiesQuery);
  const offered = useQuery(providersQuery);
  // Only with an account that is this one's own: any other would sign in to somebody else's.
  const providers = offered.data?.items.filter(({ id }) => linked.data?.some(({ provider }) => provider === id)) ?? [];
  return (
    <>
      {me.has_password && <PasswordForm email={me.email} />}
      {me.has_password && providers.length > 0 && <p className="divider">or</p>}
      <ProviderLinks providers={providers} returnTo={here} />
      {providers.length > 0 && (
        <p className="small quiet">You come back to this page then, and start anew what you wanted to do.</p>
      )}
      {linked.isError && <ProblemNote error={linked.error} onRetry={() => void linked.refetch()} />}
      {offered.isError && <ProblemNote error={offered.error} onRetry={() => void offered.refetch()} />}
      <div>
        <Button onClick={decline}>Cancel</Button>
      </div>
    </>
  );
}

function PasswordForm({ email }: { email: string }) {
  const cache = useQueryClient();
  const confirm = useMutation({
    mutationFn: (password: string) => signIn({ email, password }),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: keys.sessions });
      confirmation.settle(true);
    },
    meta: { signsIn: true },
  });
  const wait = useSecondsUntil(confirm.isError ? Problem.from(confirm.error).retryAt : undefined);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!confirm.isPending && wait === 0) confirm.mutate(entries(event.currentTarget, ['password']).password);
      }}
    >
      {confirm.isError && <ProblemNote error={confirm.error} />}
      <OwnerOfPassword email={email} />
      <PasswordField label={`Password of ${email}`} name="password" autoComplete="current-password" />
      <div>
        <Button kind="main" type="submit" pending={confirm.isPending} held={wait > 0}>
          Confirm
        </Button>
      </div>
    </form>
  );
}
