import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import type { Connection } from '../api/types';
import { caredFor } from '../care';
import { Button } from '../components/button';
import { ConfirmDialog } from '../components/dialog';
import { toasts } from '../toasts';

interface DisconnectProps {
  connection: Connection;
  platformName: string;
}

/** The way out, with the pictures as they are or as they were. */
export function Disconnect({ connection, platformName }: DisconnectProps) {
  const [asking, setAsking] = useState(false);
  const [putBack, setPutBack] = useState(false);
  const disconnect = useDisconnect(connection, () => setAsking(false));
  const restorable = connection.state === 'healthy' && caredFor(connection).length > 0;
  return (
    <section className="stack-tight" aria-labelledby="disconnect">
      <h2 id="disconnect">Disconnect</h2>
      <p className="quiet">If something does not work, connect again instead: nothing is lost by that.</p>
      <div>
        <Button kind="danger" onClick={() => setAsking(true)}>
          Disconnect<span className="unseen"> {connection.remote_handle}</span>
        </Button>
      </div>
      <ConfirmDialog
        title={`Disconnect ${connection.remote_handle}?`}
        open={asking}
        onClose={() => setAsking(false)}
        confirm="Disconnect"
        onConfirm={() => disconnect.mutate(restorable && putBack)}
        pending={disconnect.isPending}
        error={disconnect.error}
      >
        <p>Our access to {platformName} is given back and forgotten. What has not been sent there is called off.</p>
        {restorable ? (
          <fieldset className="stack-tight">
            <legend>What shall be shown there?</legend>
            <Choice
              label="What is shown now"
              hint="Nothing changes there."
              checked={!putBack}
              onChoose={() => setPutBack(false)}
            />
            <Choice
              label="What was shown before Linkarooie came"
              hint="It is put back first. If that takes more than ten minutes, we disconnect without."
              checked={putBack}
              onChoose={() => setPutBack(true)}
            />
          </fieldset>
        ) : (
          <p>The pictures there stay as they are.</p>
        )}
      </ConfirmDialog>
    </section>
  );
}

interface ChoiceProps {
  label: string;
  hint: string;
  checked: boolean;
  onChoose: () => void;
}

function Choice({ label, hint, checked, onChoose }: ChoiceProps) {
  return (
    <label className="check">
      <input type="radio" name="put-back" checked={checked} onChange={onChoose} />
      <span>
        {label}
        <br />
        <span className="small quiet">{hint}</span>
      </span>
    </label>
  );
}

function useDisconnect(connection: Connection, onLeaving: () => void) {
  const navigate = useNavigate();
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (put_back: boolean) =>
      answer(
        api.DELETE('/v1/connections/{connection_id}', {
          params: { path: { connection_id: connection.id }, query: { put_back } },
        }),
      ),
    onSuccess: async (leaving) => {
      if (leaving) {
        onLeaving();
        await cache.invalidateQueries({ queryKey: keys.connections });
        return;
      }
      toasts.say({ text: `${connection.remote_handle} is disconnected.` });
      // Its page goes first: it would ask for what is not there any more.
      await navigate({ to: '/connections' });
      cache.removeQueries({ queryKey: keys.connection(connection.id) });
      await cache.invalidateQueries({ queryKey: keys.connections });
    },
  });
}
