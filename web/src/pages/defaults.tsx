import { useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { connectionsQuery, defaultsQuery, platformsQuery } from '../api/queries';
import type { Connection, Platform } from '../api/types';
import { Badge } from '../components/badge';
import { Button, buttonClass } from '../components/button';
import { Empty } from '../components/empty';
import { Face } from '../components/face';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { customCount, type Defaults, EVERYWHERE, SLOTS, takes, withoutCustom } from '../defaults';
import { useChangeDefaults } from '../defaults-of';
import { usePlatforms } from '../platforms';
import { BringEverywhere } from './bring-everywhere';
import { type ChangeDefaults, Choice } from './default-choice';

export function DefaultsPage() {
  const {
    data: { defaults },
  } = useSuspenseQuery(defaultsQuery);
  const { data: connections } = useSuspenseQuery(connectionsQuery);
  useSuspenseQuery(platformsQuery);
  const change = useChangeDefaults();
  const [saved, setSaved] = useState(false);
  const onChange: ChangeDefaults = (changed) => {
    setSaved(false);
    change.mutate(changed, { onSuccess: () => setSaved(true) });
  };
  return (
    <Page
      title="Defaults"
      lead="Which picture goes where. A choice is kept at once; nothing is sent until you bring it there."
    >
      <div className="stack-wide">
        <div className="stack">
          {change.overtaken ? (
            <p className="note note-warn" role="alert">
              The defaults were changed elsewhere meanwhile, so your last choice was not kept. Below is how they are
              now.
            </p>
          ) : (
            change.isError && <ProblemNote error={change.error} />
          )}
          <section className="stack" aria-labelledby="everywhere">
            <h2 id="everywhere">Everywhere</h2>
            <ul className="choices card card-roomy">
              {SLOTS.map((slot) => (
                <Choice
                  key={slot}
                  defaults={defaults}
                  slot={slot}
                  scope={EVERYWHERE}
                  where="everywhere"
                  onChange={onChange}
                />
              ))}
            </ul>
          </section>
          <BringEverywhere defaults={defaults} connections={connections} />
          <p className="unseen" role="status">
            {saved && 'Kept'}
          </p>
        </div>
        <Closer defaults={defaults} connections={connections} pending={change.isPending} onChange={onChange} />
      </div>
    </Page>
  );
}

interface CloserProps {
  defaults: Defaults;
  connections: Connection[];
  pending: boolean;
  onChange: ChangeDefaults;
}

/** What applies on each platform and account, and whose choice it is. */
function Closer({ defaults, connections, pending, onChange }: CloserProps) {
  const { all } = usePlatforms();
  const custom = customCount(defaults);
  // Also those without an account at present whose choice waits for one.
  const chosen = new Set(SLOTS.flatMap((slot) => Object.keys(defaults[slot].platforms)));
  const platforms = all.filter(
    ({ id }) =>
      chosen.has(id) || connections.some((one) => one.platform === id && SLOTS.some((slot) => takes(one, slot))),
  );
  return (
    <section className="stack" aria-labelledby="closer">
      <div className="row row-between">
        <h2 id="closer">By platform and account</h2>
        {custom > 0 && (
          <p className="row">
            <span className="quiet">Custom ({custom})</span>
            <Button kind="ghost" pending={pending} onClick={() => onChange(withoutCustom)}>
              Reset to default
            </Button>
          </p>
        )}
      </div>
      {platforms.length === 0 ? (
        <Empty icon="link" title="No accounts yet">
          <p>Connect an account, and here you can give it another picture than all the others.</p>
          <Link to="/connections" className={buttonClass('main')}>
            Connect an account
          </Link>
        </Empty>
      ) : (
        <ul className="stack" aria-label="Platforms">
          {platforms.map((platform) => (
            <PlatformChoices
              key={platform.id}
              platform={platform}
              defaults={defaults}
              connections={connections.filter((one) => one.platform === platform.id)}
              onChange={onChange}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface PlatformChoicesProps {
  platform: Platform;
  defaults: Defaults;
  /** Of this platform. */
  connections: Connection[];
  onChange: ChangeDefaults;
}

function PlatformChoices({ platform, defaults, connections, onChange }: PlatformChoicesProps) {
  const slots = SLOTS.filter(
    (slot) => defaults[slot].platforms[platform.id] !== undefined || connections.some((one) => takes(one, slot)),
  );
  // The choice of the platform is that of its only account, until that has another one or is no longer alone.
  const [only] = connections.length === 1 ? connections : [];
  const lone = only && SLOTS.every((slot) => defaults[slot].connections[only.id] === undefined) ? only : undefined;
  return (
    <li className="card card-roomy stack">
      <div className="row">
        <Badge id={platform.id} name={platform.name} />
        <div className="grow">
          <h3>{platform.name}</h3>
          {lone && <p className="small quiet">{lone.remote_handle}</p>}
          {connections.length > 1 && (
            <p className="small quiet">All {connections.length} accounts, unless chosen for one</p>
          )}
          {connections.length === 0 && <p className="small quiet">No account at present</p>}
        </div>
      </div>
      <ul className="choices">
        {slots.map((slot) => (
          <Choice
            key={slot}
            defaults={defaults}
            slot={slot}
            scope={{ kind: 'platform', id: platform.id }}
            where={`on ${platform.name}`}
            onChange={onChange}
          />
        ))}
      </ul>
      {(lone ? [] : connections).map((connection) => (
        <ConnectionChoices
          key={connection.id}
          connection={connection}
          platform={platform}
          defaults={defaults}
          onChange={onChange}
        />
      ))}
    </li>
  );
}

interface ConnectionChoicesProps {
  connection: Connection;
  platform: Platform;
  defaults: Defaults;
  onChange: ChangeDefaults;
}

function ConnectionChoices({ connection, platform, defaults, onChange }: ConnectionChoicesProps) {
  const avatar = connection.slots.find((one) => one.slot === 'avatar')?.observed?.picture_url;
  return (
    <section className="stack connection-choices" aria-label={`${connection.remote_handle}, ${platform.name}`}>
      <div className="row">
        <Face picture={avatar} platform={platform} />
        <strong className="grow">{connection.remote_handle}</strong>
      </div>
      <ul className="choices">
        {SLOTS.filter((slot) => takes(connection, slot)).map((slot) => (
          <Choice
            key={slot}
            defaults={defaults}
            slot={slot}
            scope={{ kind: 'connection', id: connection.id }}
            platform={platform}
            where={`of ${connection.remote_handle}`}
            onChange={onChange}
          />
        ))}
      </ul>
    </section>
  );
}
