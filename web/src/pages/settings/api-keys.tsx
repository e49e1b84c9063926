import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client';
import { keys } from '../../api/keys';
import { apiKeysQuery } from '../../api/queries';
import type { ApiKey } from '../../api/types';
import { Button } from '../../components/button';
import { Chip } from '../../components/chip';
import { ConfirmDialog } from '../../components/dialog';
import { Empty } from '../../components/empty';
import { Moment } from '../../components/moment';
import { Page } from '../../components/page';
import { scopeWords } from '../../scopes';
import { NewKeyDialog } from './new-key-dialog';

export function ApiKeysPage() {
  const { data: apiKeys } = useSuspenseQuery(apiKeysQuery);
  const [making, setMaking] = useState(false);
  return (
    <Page
      title="API keys"
      lead="For programs that work for you: each may do what you allow it, and nothing else."
      actions={
        <Button kind="main" icon="plus" onClick={() => setMaking(true)}>
          Make a key
        </Button>
      }
    >
      {apiKeys.length === 0 ? (
        <Empty icon="key" title="No API keys yet">
          <p>
            A program of yours shows its key instead of your password: as <code>Authorization: Bearer lnk_…</code>. What
            it can call is in the <a href="/docs">description of the API</a>.
          </p>
        </Empty>
      ) : (
        <ul className="stack narrow" aria-label="API keys">
          {apiKeys.map((apiKey) => (
            <KeyRow key={apiKey.id} apiKey={apiKey} />
          ))}
        </ul>
      )}
      {making && <NewKeyDialog onClose={() => setMaking(false)} />}
    </Page>
  );
}

function KeyRow({ apiKey }: { apiKey: ApiKey }) {
  const { name, prefix, scopes, created_at, expires_at, last_used_at } = apiKey;
  const [now] = useState(() => Date.now());
  const expired = expires_at !== null && Date.parse(expires_at) <= now;
  return (
    <li className="card stack-tight" aria-label={name}>
      <div className="row">
        <div className="grow stack-tight">
          <h2 className="item-title">{name}</h2>
          <p className="small">
            <code>{prefix}…</code>
          </p>
        </div>
        {expired && <Chip tone="bad" icon="clock" label="Expired" />}
        <RevokeButton apiKey={apiKey} />
      </div>
      <p className="small quiet">
        {last_used_at ? (
          <>
            Last used <Moment at={last_used_at} />
          </>
        ) : (
          'Never used'
        )}{' '}
        · made <Moment at={created_at} /> ·{' '}
        {expires_at ? (
          <>
            {expired ? 'ended' : 'ends'} <Moment at={expires_at} planned />
          </>
        ) : (
          'does not end by itself'
        )}
      </p>
      <details>
        <summary>{scopes.length === 1 ? 'May do one thing' : `May do ${scopes.length} things`}</summary>
        <ul className="bullets small">
          {scopes.map((scope) => (
            <li key={scope}>
              {scopeWords(scope)} <code>{scope}</code>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}

function RevokeButton({ apiKey }: { apiKey: ApiKey }) {
  const [asking, setAsking] = useState(false);
  const cache = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => answer(api.DELETE('/v1/me/api-keys/{key_id}', { params: { path: { key_id: apiKey.id } } })),
    onSuccess: async () => {
      setAsking(false);
      await cache.invalidateQueries({ queryKey: keys.apiKeys });
    },
  });
  return (
    <>
      <Button kind="ghost" onClick={() => setAsking(true)} aria-label={`Revoke ${apiKey.name}`}>
        Revoke
      </Button>
      <ConfirmDialog
        title={`Revoke “${apiKey.name}”?`}
        open={asking}
        onClose={() => setAsking(false)}
        confirm="Revoke"
        onConfirm={() => revoke.mutate()}
        pending={revoke.isPending}
        error={revoke.error}
      >
        <p>Whatever uses this key is refused within seconds. It cannot be brought back.</p>
      </ConfirmDialog>
    </>
  );
}
