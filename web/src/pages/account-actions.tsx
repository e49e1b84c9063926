import { useMutation } from '@tanstack/react-query';
import { answer, api } from '../api/client';
import type { Connection } from '../api/types';
import { useConnectionUpdate } from '../api/use-connection-update';
import { Button } from '../components/button';
import { ProblemNote } from '../components/problem-note';
import { wantsReconnect } from '../health';
import { usePlatforms } from '../platforms';
import { useNow } from '../use-now';
import { ConnectButton } from './platform-tile';

/** What can be done about an account at once: connecting it again where that helps, and looking at it now. */
export function AccountActions({ connection }: { connection: Connection }) {
  const offer = usePlatforms().all.find(({ id }) => id === connection.platform);
  const reconnect = wantsReconnect(connection, useNow());
  if (connection.leaving) return null;
  return (
    <>
      {reconnect && offer && <ConnectButton platform={offer} connection={connection} />}
      <CheckButton connection={connection} />
    </>
  );
}

function CheckButton({ connection }: { connection: Connection }) {
  const update = useConnectionUpdate();
  const check = useMutation({
    mutationFn: () =>
      answer(api.POST('/v1/connections/{connection_id}/check', { params: { path: { connection_id: connection.id } } })),
    onSuccess: update,
  });
  return (
    <>
      <Button pending={check.isPending} onClick={() => check.mutate()}>
        Check<span className="unseen"> now what {connection.remote_handle} shows</span>
      </Button>
      {check.isError && <ProblemNote error={check.error} />}
    </>
  );
}
