import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client';
import { keys } from '../../api/keys';
import { Problem } from '../../api/problem';
import { meQuery } from '../../api/queries';
import type { User } from '../../api/types';
import { Button } from '../../components/button';
import { useSecondsUntil } from '../../components/countdown';
import { OwnerOfPassword, PASSWORD_RULE, PasswordField, TextField } from '../../components/field';
import { Page } from '../../components/page';
import { ProblemNote } from '../../components/problem-note';
import { entries } from '../../forms';

export function AccountPage() {
  const { data: me } = useSuspenseQuery(meQuery);
  return (
    <Page title="Account" lead="Who you are here, and what you log in with.">
      <div className="stack narrow">
        <NameForm me={me} />
        <EmailForm me={me} />
        <PasswordForm me={me} />
      </div>
    </Page>
  );
}

function NameForm({ me }: { me: User }) {
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (body: { display_name: string }) => answer(api.PATCH('/v1/me', { body })),
    onSuccess: (user) => cache.setQueryData(meQuery.queryKey, user),
  });
  const problem = save.isError ? Problem.from(save.error) : null;
  return (
    <form
      className="card card-roomy stack"
      aria-label="Name"
      onSubmit={(event) => {
        event.preventDefault();
        if (!save.isPending) save.mutate(entries(event.currentTarget, ['display_name']));
      }}
    >
      <h2>Name</h2>
      {problem && <ProblemNote error={problem} fields={['display_name']} />}
      <TextField
        label="Your name"
        name="display_name"
        defaultValue={me.display_name}
        autoComplete="name"
        maxLength={100}
        required
        problem={problem?.forField('display_name')}
      />
      <div className="row">
        <Button kind="main" type="submit" pending={save.isPending}>
          Save the name
        </Button>
        <span role="status" className="quiet">
          {save.isSuccess && 'Saved'}
        </span>
      </div>
    </form>
  );
}

function EmailForm({ me }: { me: User }) {
  const ask = useMutation({
    mutationFn: (body: { email: string }) => answer(api.POST('/v1/me/email', { body })),
  });
  const problem = ask.isError ? Problem.from(ask.error) : null;
  return (
    <form
      className="card card-roomy stack"
      aria-label="E-mail address"
      onSubmit={(event) => {
        event.preventDefault();
        if (!ask.isPending) ask.mutate(entries(event.currentTarget, ['email']));
      }}
    >
      <h2>E-mail address</h2>
      <p>
        Our letters go to <strong>{me.email}</strong>.
      </p>
      {problem && <ProblemNote error={problem} fields={['email']} />}
      <TextField
        label="New address"
        name="email"
        type="email"
        autoComplete="email"
        maxLength={254}
        required
        problem={problem?.forField('email')}
      />
      <div className="row">
        <Button kind="main" type="submit" pending={ask.isPending}>
          Change the address
        </Button>
        <span role="status">
          {ask.isSuccess && (
            <>
              We have sent a letter to <strong>{ask.variables.email}</strong>. Your address changes when you open the
              link in it, and stays what it is until then.
            </>
          )}
        </span>
      </div>
    </form>
  );
}

function PasswordForm({ me }: { me: User }) {
  // The fields start empty again after a change.
  const [changes, setChanges] = useState(0);
  const cache = useQueryClient();
  const change = useMutation({
    mutationFn: (body: { current_password: string | null; new_password: string }) =>
      answer(api.POST('/v1/me/password', { body })),
    onSuccess: () => {
      setChanges(changes + 1);
      void cache.invalidateQueries({ queryKey: keys.sessions });
      return cache.invalidateQueries({ queryKey: keys.me });
    },
  });
  const problem = change.isError ? Problem.from(change.error) : null;
  const wait = useSecondsUntil(problem?.retryAt);
  return (
    <form
      key={changes}
      className="card card-roomy stack"
      aria-label="Password"
      onSubmit={(event) => {
        event.preventDefault();
        if (change.isPending || wait > 0) return;
        const { current_password, new_password } = entries(event.currentTarget, ['current_password', 'new_password']);
        change.mutate({ current_password: me.has_password ? current_password : null, new_password });
      }}
    >
      <h2>Password</h2>
      {!me.has_password && <p>You have none: you log in with a provider. With a password you have a second way in.</p>}
      {problem && <ProblemNote error={problem} fields={['current_password', 'new_password']} />}
      <OwnerOfPassword email={me.email} />
      {me.has_password && (
        <PasswordField
          label="Present password"
          name="current_password"
          autoComplete="current-password"
          problem={problem?.forField('current_password')}
        />
      )}
      <PasswordField
        label="New password"
        name="new_password"
        autoComplete="new-password"
        hint={PASSWORD_RULE}
        problem={problem?.forField('new_password')}
      />
      <div className="row">
        <Button kind="main" type="submit" pending={change.isPending} held={wait > 0}>
          {me.has_password ? 'Change the password' : 'Set a password'}
        </Button>
        <span role="status">
          {change.isSuccess &&
            'The password is changed. You were logged out on all other devices, and the links in earlier letters are void.'}
        </span>
      </div>
    </form>
  );
}
