import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, api } from '../api/client';
import { Problem } from '../api/problem';
import { Button, buttonClass } from '../components/button';
import { PASSWORD_RULE, PasswordField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';
import { useFragmentToken } from '../fragment-token';
import { Door } from './door';

/** Where the link of a letter leads that sets a new password. */
export function ResetPasswordPage() {
  const token = useFragmentToken();
  return <Door>{token ? <NewPassword key={token} token={token} /> : <NoToken />}</Door>;
}

function NewPassword({ token }: { token: string }) {
  const cache = useQueryClient();
  const reset = useMutation({
    mutationFn: (password: string) => answer(api.POST('/v1/auth/password/reset', { body: { token, password } })),
    // Every session is over, this browser's too.
    onSuccess: () => cache.clear(),
    meta: { signsIn: true },
  });
  if (reset.isSuccess) return <Done />;
  const problem = reset.isError ? Problem.from(reset.error) : null;
  if (problem?.reason === 'LINK_NOT_VALID') return <LinkOver problem={problem} />;
  return (
    <Page title="Set a new password" lead="Afterwards you are logged out everywhere, and log in with the new one.">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!reset.isPending) reset.mutate(entries(event.currentTarget, ['password']).password);
        }}
      >
        {problem && <ProblemNote error={problem} fields={['password']} />}
        <PasswordField
          label="New password"
          name="password"
          autoComplete="new-password"
          hint={PASSWORD_RULE}
          problem={problem?.forField('password')}
        />
        <Button kind="main" type="submit" pending={reset.isPending}>
          Set the password
        </Button>
      </form>
    </Page>
  );
}

function Done() {
  return (
    <Page title="Password changed">
      <p role="status">You were logged out on every device. Log in with the new password.</p>
      <Link to="/login" className={buttonClass('main')}>
        Log in
      </Link>
    </Page>
  );
}

function LinkOver({ problem }: { problem: Problem }) {
  return (
    <Page title="This link is over">
      <ProblemNote error={problem} />
      <p>Ask for a new letter. If you have several, only one that was not used yet is good, and for half an hour.</p>
      <AskAgainLink />
    </Page>
  );
}

function NoToken() {
  return (
    <Page title="Set a new password">
      <p>
        Open the link in our letter once more, the whole of it: what allows you to set a password is in the link, and
        this page was opened without it.
      </p>
      <AskAgainLink />
    </Page>
  );
}

function AskAgainLink() {
  return (
    <Link to="/forgot-password" className={buttonClass('main')}>
      Ask for a new letter
    </Link>
  );
}
