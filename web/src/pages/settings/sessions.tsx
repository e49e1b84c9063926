import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client';
import { keys } from '../../api/keys';
import { sessionsQuery } from '../../api/queries';
import type { Session } from '../../api/types';
import { Button } from '../../components/button';
import { Chip } from '../../components/chip';
import { ConfirmDialog } from '../../components/dialog';
import { Icon } from '../../components/icon';
import { Moment } from '../../components/moment';
import { Page } from '../../components/page';
import { ProblemNote } from '../../components/problem-note';

export function SessionsPage() {
  const { data: sessions } = useSuspenseQuery(sessionsQuery);
  const others = sessions.filter((session) => !session.current).length;
  return (
    <Page
      title="Sessions"
      lead="Where you are logged in. Something you do not know? End it, then change your password."
      actions={others > 0 && <EndOthersButton />}
    >
      <div className="stack narrow">
        <ul className="stack" aria-label="Sessions">
          {sessions.map((session) => (
            <SessionRow key={session.id} session={session} />
          ))}
        </ul>
        {others === 0 && <p className="quiet">You are logged in nowhere else.</p>}
      </div>
    </Page>
  );
}

function SessionRow({ session }: { session: Session }) {
  const { id, device, address, created_at, last_used_at, current } = session;
  const cache = useQueryClient();
  const end = useMutation({
    mutationFn: () => answer(api.DELETE('/v1/me/sessions/{session_id}', { params: { path: { session_id: id } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.sessions }),
  });
  return (
    <li className="card stack-tight" aria-label={device}>
      <div className="row">
        <span className="sign">
          <Icon name="device" />
        </span>
        <div className="grow stack-tight">
          <h2 className="item-title">{device}</h2>
          <p className="small quiet">
            {address ?? 'Address not known'} · last used <Moment at={last_used_at} /> · logged in{' '}
            <Moment at={created_at} />
          </p>
        </div>
        {current ? (
          <Chip tone="good" icon="check" label="This device" />
        ) : (
          <Button pending={end.isPending} onClick={() => end.mutate()} aria-label={`End the session on ${device}`}>
            End
          </Button>
        )}
      </div>
      {end.isError && <ProblemNote error={end.error} />}
    </li>
  );
}

function EndOthersButton() {
  const [asking, setAsking] = useState(false);
  const cache = useQueryClient();
  const end = useMutation({
    mutationFn: () => answer(api.DELETE('/v1/me/sessions')),
    onSuccess: async () => {
      setAsking(false);
      await cache.invalidateQueries({ queryKey: keys.sessions });
    },
  });
  return (
    <>
      <Button kind="danger" icon="cross" onClick={() => setAsking(true)}>
        End all others
      </Button>
      <ConfirmDialog
        title="End all other sessions?"
        open={asking}
        onClose={() => setAsking(false)}
        confirm="End all others"
        onConfirm={() => end.mutate()}
        pending={end.isPending}
        error={end.error}
      >
        <p>Every browser and device but this one has to log in again. API keys go on working.</p>
      </ConfirmDialog>
    </>
  );
}
