import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../api/client';
import type { Connection, Platform } from '../api/types';
import { Badge } from '../components/badge';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { CopyField } from '../components/copy-field';
import { Dialog } from '../components/dialog';
import { TextField } from '../components/field';
import { Icon } from '../components/icon';
import { ProblemNote } from '../components/problem-note';
import { platformLook } from '../components/states';
import { entries } from '../forms';

/** What this installation can do with a platform, and the way in; where there is none, why. */
export function PlatformTile({ platform }: { platform: Platform }) {
  return (
    <li className="card stack platform">
      <div className="row row-between">
        <div className="row">
          <Badge id={platform.id} name={platform.name} />
          <h3>{platform.name}</h3>
        </div>
        <Chip {...platformLook(platform)} />
      </div>
      {platform.cannot_connect_reason && <p className="small">{platform.cannot_connect_reason}</p>}
      {platform.setup_steps.length > 0 && <SetUp platform={platform} />}
      {platform.can_connect && platform.takes_instance && <ConnectByInstance platform={platform} />}
      {platform.can_connect && !platform.takes_instance && <ConnectButton platform={platform} />}
      {platform.not_allowed.length > 0 && (
        <details>
          <summary>What {platform.name} does not allow</summary>
          <ul className="stack-tight small">
            {platform.not_allowed.map((limit) => (
              <li key={limit.what}>
                <strong>{limit.what}.</strong> {limit.why}{' '}
                <a href={limit.link} target="_blank" rel="noreferrer">
                  Learn why
                  <span className="unseen"> ({limit.what}, opens in a new tab)</span>
                </a>
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

/** Leaves for the platform's consent page. The page is left only once the address is known. */
export function useConnect() {
  return useMutation({
    mutationFn: (wanted: { platform: string; instance: string; connection_id?: string }) =>
      answer(api.POST('/v1/connections', { body: { connection_id: '', ...wanted } })),
    onSuccess: ({ authorize_url }) => location.assign(authorize_url),
  });
}

interface ConnectButtonProps {
  platform: Platform;
  instance?: string;
  label?: string;
  /** The account that is to be connected again; else a new one is connected. */
  connection?: Connection | undefined;
}

export function ConnectButton({
  platform,
  connection,
  instance = connection?.instance ?? '',
  label = connection ? 'Connect again' : 'Connect',
}: ConnectButtonProps) {
  const connect = useConnect();
  return (
    <>
      <div>
        <Button
          kind="main"
          icon="link"
          pending={connect.isPending || connect.isSuccess}
          onClick={() => connect.mutate({ platform: platform.id, instance, connection_id: connection?.id ?? '' })}
        >
          {label} <span className="unseen">{connection?.remote_handle ?? platform.name}</span>
        </Button>
      </div>
      {connect.isError && <ProblemNote error={connect.error} />}
    </>
  );
}

/** What the operator has to do before accounts can be connected here. */
function SetUp({ platform }: { platform: Platform }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <div>
        <Button onClick={() => setOpen(true)}>
          How to set it up<span className="unseen">: {platform.name}</span>
        </Button>
      </div>
      <Dialog title={`Set up ${platform.name}`} open={open} onClose={() => setOpen(false)}>
        <p>Whoever runs this installation does this once. After that, everybody here can connect accounts.</p>
        <ol className="steps">
          {platform.setup_steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
        <CopyField label="Redirect address" value={platform.redirect_url} />
        <div className="row">
          <Button onClick={() => setOpen(false)}>Close</Button>
        </div>
      </Dialog>
    </>
  );
}

function ConnectByInstance({ platform }: { platform: Platform }) {
  const [asking, setAsking] = useState(false);
  const [instance, setInstance] = useState(platform.suggested_instances[0] ?? '');
  const connect = useConnect();
  return (
    <>
      <div>
        <Button kind="main" icon="link" onClick={() => setAsking(true)}>
          Connect <span className="unseen">{platform.name}</span>
        </Button>
      </div>
      <Dialog title={`Connect ${platform.name}`} open={asking} onClose={() => setAsking(false)}>
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (connect.isPending) return;
            connect.mutate({ platform: platform.id, ...entries(event.currentTarget, ['instance']) });
          }}
        >
          <TextField
            label="Your server"
            name="instance"
            hint="The part after the last @ of your name there."
            value={instance}
            onChange={(event) => setInstance(event.target.value)}
            inputMode="url"
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck={false}
            maxLength={253}
            required
          />
          {platform.suggested_instances.length > 1 && (
            <ul className="row" aria-label="Suggested servers">
              {platform.suggested_instances.map((suggestion) => (
                <li key={suggestion}>
                  <Button onClick={() => setInstance(suggestion)}>{suggestion}</Button>
                </li>
              ))}
            </ul>
          )}
          <p className="row small quiet">
            <Icon name="external" size={16} />
            <span className="grow">
              {platform.name} asks you there whether Linkarooie may see and change your profile pictures.
            </span>
          </p>
          {connect.isError && <ProblemNote error={connect.error} />}
          <div className="row">
            <Button kind="main" type="submit" pending={connect.isPending || connect.isSuccess}>
              Go on to {instance || 'your server'}
            </Button>
            <Button onClick={() => setAsking(false)}>Cancel</Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
