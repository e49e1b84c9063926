import { useInfiniteQuery, useMutation, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { accountActivityQuery, meQuery } from '../api/queries';
import type { Account, Role, User } from '../api/types';
import { ActivityList } from '../components/activity-list';
import { Button } from '../components/button';
import { ConfirmDialog } from '../components/dialog';
import { SelectField, TextField } from '../components/field';
import { Moment } from '../components/moment';
import { More } from '../components/more';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';
import { PendingPage } from './pending';

export const ROLE_NAMES: Record<Role, string> = { user: 'User', support: 'Support', admin: 'Admin' };

/** For the installation's staff: what they may know of somebody who asks for help. */
export function AccountsPage() {
  const { data: me } = useSuspenseQuery(meQuery);
  const [account, setAccount] = useState<Account | null>(null);
  const lookUp = useMutation({
    mutationFn: (which: string) =>
      answer(
        api.GET('/v1/admin/accounts', {
          params: { query: which.includes('@') ? { email: which } : { user_id: which } },
        }),
      ),
    onMutate: () => setAccount(null),
    onSuccess: setAccount,
  });
  return (
    <Page
      title="Accounts"
      lead="Look up who asks for help. Each look is recorded where the owner of the account sees it."
    >
      <div className="stack-wide narrow">
        <form
          className="stack"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            if (!lookUp.isPending) lookUp.mutate(entries(event.currentTarget, ['which']).which.trim());
          }}
        >
          <TextField
            label="E-mail address or account id"
            name="which"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={254}
            required
          />
          <div>
            <Button kind="main" type="submit" pending={lookUp.isPending}>
              Look up
            </Button>
          </div>
        </form>
        {lookUp.isError && <ProblemNote error={lookUp.error} />}
        {account && (
          <AccountView
            key={account.user.id}
            account={account}
            byAdmin={me.role === 'admin'}
            onChange={(user) => setAccount({ ...account, user, open_sessions: 0 })}
          />
        )}
      </div>
    </Page>
  );
}

interface AccountViewProps {
  account: Account;
  byAdmin: boolean;
  onChange: (user: User) => void;
}

function AccountView({ account, byAdmin, onChange }: AccountViewProps) {
  const { user, provider_labels, open_sessions, api_keys, last_sign_in_at } = account;
  return (
    <section className="stack" aria-labelledby="found">
      <div className="card card-roomy stack">
        <h2 id="found">{user.display_name}</h2>
        <dl className="facts">
          <Fact name="Address">{user.email}</Fact>
          <Fact name="Account id">
            <code>{user.id}</code>
          </Fact>
          <Fact name="Role">{ROLE_NAMES[user.role]}</Fact>
          <Fact name="Made">
            <Moment at={user.created_at} />
          </Fact>
          <Fact name="Logs in with">
            {[...(user.has_password ? ['password'] : []), ...provider_labels].join(', ') || 'nothing yet'}
          </Fact>
          <Fact name="Last sign-in">{last_sign_in_at ? <Moment at={last_sign_in_at} /> : 'never'}</Fact>
          <Fact name="Open sessions">{open_sessions}</Fact>
          <Fact name="API keys">{api_keys}</Fact>
        </dl>
      </div>
      {byAdmin && <RoleForm user={user} onChange={onChange} />}
      {byAdmin && <AccountActivity userId={user.id} />}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function RoleForm({ user, onChange }: { user: User; onChange: (user: User) => void }) {
  const [role, setRole] = useState<Role>(user.role);
  const [asking, setAsking] = useState(false);
  const change = useMutation({
    mutationFn: () =>
      answer(api.PUT('/v1/admin/accounts/{user_id}/role', { params: { path: { user_id: user.id } }, body: { role } })),
    onSuccess: (changed) => {
      setAsking(false);
      onChange(changed);
    },
  });
  return (
    <form
      className="card card-roomy stack"
      aria-label="Role"
      onSubmit={(event) => {
        event.preventDefault();
        setAsking(true);
      }}
    >
      <h2>Role</h2>
      <SelectField
        label="Role of this account"
        name="role"
        hint="Support may look up accounts. Admins may also see their activity and give roles."
        value={role}
        onChange={(event) => setRole(event.target.value as Role)}
      >
        {Object.entries(ROLE_NAMES).map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </SelectField>
      <div className="row">
        <Button type="submit" held={role === user.role}>
          Give this role
        </Button>
        <span role="status" className="quiet">
          {change.isSuccess && `Now ${ROLE_NAMES[user.role]}`}
        </span>
      </div>
      <ConfirmDialog
        title={`Make ${user.display_name} ${ROLE_NAMES[role]}?`}
        open={asking}
        onClose={() => setAsking(false)}
        confirm="Give this role"
        onConfirm={() => change.mutate()}
        pending={change.isPending}
        error={change.error}
      >
        <p>It counts at once: all sessions of the account are ended, and its owner logs in again.</p>
      </ConfirmDialog>
    </form>
  );
}

/** Looked at on demand alone, since the look is recorded. */
function AccountActivity({ userId }: { userId: string }) {
  const [asked, setAsked] = useState(false);
  const query = useInfiniteQuery({ ...accountActivityQuery(userId), enabled: asked });
  const activities = query.data?.pages.flatMap((page) => page.items);
  return (
    <section className="stack" aria-labelledby="activity">
      <h2 id="activity">Activity</h2>
      {!asked && (
        <div>
          <Button icon="clock" onClick={() => setAsked(true)}>
            Show what happened
          </Button>
        </div>
      )}
      {query.isLoading && <PendingPage />}
      {query.isLoadingError && <ProblemNote error={query.error} onRetry={() => void query.refetch()} />}
      {activities?.length === 0 && <p className="quiet">Nothing is recorded yet.</p>}
      {activities && activities.length > 0 && <ActivityList activities={activities} />}
      {activities && <More query={query} what="activity" />}
    </section>
  );
}
