import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { Problem } from '../api/problem';
import { Button, buttonClass } from '../components/button';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { useFragmentToken } from '../fragment-token';
import { Door } from './door';

/** Where a letter's link leads that confirms an address. A press of the button, not the visit, uses it: mail programs visit links by themselves. */
export function ConfirmEmailPage() {
  const token = useFragmentToken();
  return <Door>{token ? <Confirm key={token} token={token} /> : <NoToken />}</Door>;
}

function Confirm({ token }: { token: string }) {
  const cache = useQueryClient();
  const confirm = useMutation({
    mutationFn: async () => {
      const { id, email } = await answer(api.POST('/v1/auth/email/verify', { body: { token } }));
      // Who has changed the address is signed in, mostly; who has just registered is not.
      const { data: me } = await api.GET('/v1/me');
      return { email, signedIn: me?.id === id };
    },
    onSuccess: () => cache.removeQueries({ queryKey: keys.me }),
    meta: { signsIn: true },
  });
  if (confirm.isSuccess) return <Confirmed {...confirm.data} />;
  const reason = confirm.isError && Problem.from(confirm.error).reason;
  return (
    <Page title="Confirm your address" lead="One press, and we know that our letters reach you.">
      {confirm.isError && (
        <ProblemNote error={confirm.error} onRetry={() => confirm.mutate()}>
          {reason === 'EMAIL_TAKEN' && <LogInLink />}
        </ProblemNote>
      )}
      {reason === 'LINK_NOT_VALID' ? (
        <LinkOver />
      ) : (
        <Button kind="main" icon="check" pending={confirm.isPending} onClick={() => confirm.mutate()}>
          Confirm my address
        </Button>
      )}
    </Page>
  );
}

function Confirmed({ email, signedIn }: { email: string; signedIn: boolean }) {
  return (
    <Page title="Address confirmed">
      <p role="status">
        <strong>{email}</strong> is yours. {signedIn ? 'Our letters go there from now on.' : 'Log in to go on.'}
      </p>
      {signedIn ? (
        <Link to="/settings" className={buttonClass('main')}>
          Go to your account
        </Link>
      ) : (
        <LogInLink email={email} />
      )}
    </Page>
  );
}

function LogInLink({ email }: { email?: string }) {
  return (
    <Link to="/login" state={email === undefined ? {} : { email }} className={buttonClass('main')}>
      Log in
    </Link>
  );
}

/** The link was used, or is too old; which of the two is for the reader to know. */
function LinkOver() {
  return (
    <>
      <p>
        If you have opened it before, your address is confirmed, and you can log in. Otherwise ask for a new letter:
        sign up once more, or change your address again in the settings.
      </p>
      <div className="row">
        <LogInLink />
        <Link to="/register" className={buttonClass()}>
          Sign up again
        </Link>
      </div>
    </>
  );
}

function NoToken() {
  return (
    <Page title="Confirm your address">
      <p>
        Open the link in our letter once more, the whole of it: what confirms your address is in the link, and this page
        was opened without it.
      </p>
      <LogInLink />
    </Page>
  );
}
