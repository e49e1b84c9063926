import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { answer, api } from '../../api/client';
import { avatarSettingsQuery, meQuery } from '../../api/queries';
import type { AvatarSettings, AvatarSettingsChange } from '../../api/types';
import { avatarAddress, avatarSnippet } from '../../avatar-address';
import { CopyField } from '../../components/copy-field';
import { Icon } from '../../components/icon';
import { Page } from '../../components/page';
import { ProblemNote } from '../../components/problem-note';
import { Switch } from '../../components/switch';

/** Points a side of the example. */
const EXAMPLE = 96;

export function AvatarAddressPage() {
  const { data: settings } = useSuspenseQuery(avatarSettingsQuery);
  return (
    <Page
      title="Avatar address"
      lead="Addresses that give your avatar to every site that asks for it, and follow whenever you change it."
    >
      <div className="stack narrow">
        {!settings.has_avatar && (
          <p className="note note-warn">
            <Icon name="warning" />
            <span>
              You have no default avatar that is ready, so the addresses give what stands for one.{' '}
              <Link to="/defaults">Choose your avatar for everywhere</Link>.
            </span>
          </p>
        )}
        <Switches settings={settings} />
        {settings.by_handle && settings.handle && <ByHandle handle={settings.handle} />}
        {settings.by_email && settings.email_sha256 && (
          <ByEmail sha256={settings.email_sha256} md5={settings.email_md5} />
        )}
        <Options />
      </div>
    </Page>
  );
}

function Switches({ settings }: { settings: AvatarSettings }) {
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (body: AvatarSettingsChange) => answer(api.PUT('/v1/avatar-settings', { body })),
    onSuccess: (saved) => cache.setQueryData(avatarSettingsQuery.queryKey, saved),
  });
  const { by_handle, by_email } = save.isPending ? save.variables : settings;
  return (
    <section className="card card-roomy stack" aria-labelledby="who-may-ask">
      <h2 id="who-may-ask">Who may ask for it</h2>
      <Switch
        label="Whoever knows my handle"
        hint="Your avatar becomes public, and that somebody with your handle has one here. Nothing else of you does."
        checked={by_handle}
        pending={save.isPending}
        onChange={(on) => save.mutate({ by_handle: on, by_email })}
      />
      <Switch
        label="Whoever knows my e-mail address"
        hint="Sites that know you by your address find your avatar, as with Gravatar and Libravatar. They ask by a hash of it: the address cannot be read from it, but whoever guesses it can see that it is right."
        checked={by_email}
        pending={save.isPending}
        onChange={(on) => save.mutate({ by_handle, by_email: on })}
      />
      {save.isError && <ProblemNote error={save.error} />}
      <p className="small quiet">Turned off, an address gives the same as for somebody who does not exist.</p>
    </section>
  );
}

function ByHandle({ handle }: { handle: string }) {
  const { data: me } = useSuspenseQuery(meQuery);
  return (
    <section className="card card-roomy stack" aria-labelledby="by-handle">
      <h2 id="by-handle">By your handle</h2>
      <div className="row">
        <img
          className="avatar-example"
          src={avatarAddress('', handle, 2 * EXAMPLE)}
          alt="What the address gives now"
          width={EXAMPLE}
          height={EXAMPLE}
        />
        <p className="small quiet grow">This is what it gives now. A new choice is seen there within seconds.</p>
      </div>
      <CopyField label="Address by handle" value={avatarAddress(location.origin, handle)} />
      <CopyField
        label="HTML for a page of yours"
        value={avatarSnippet(location.origin, handle, me.display_name, EXAMPLE)}
      />
    </section>
  );
}

function ByEmail({ sha256, md5 }: { sha256: string; md5: string | null }) {
  return (
    <section className="card card-roomy stack" aria-labelledby="by-email">
      <h2 id="by-email">By your e-mail address</h2>
      <CopyField label="Address by e-mail" value={avatarAddress(location.origin, sha256)} />
      {md5 && <CopyField label="Address for older programs" value={avatarAddress(location.origin, md5)} />}
      <p className="small quiet">
        A program that lets you set where it gets avatars takes <code>{location.origin}/avatar/</code>.
      </p>
    </section>
  );
}

function Options() {
  return (
    <section className="stack" aria-labelledby="options">
      <h2 id="options">What can stand behind an address</h2>
      <dl className="stack">
        <div>
          <dt>
            <code>?s=160</code>
          </dt>
          <dd>How many pixels wide and high, 1 to 2048; 80 where nothing is said.</dd>
        </div>
        <div>
          <dt>
            <code>?d=identicon</code>
          </dt>
          <dd>
            What to show where there is no avatar: <code>mp</code> for an outline of somebody, <code>identicon</code>{' '}
            and <code>retro</code> for a pattern, <code>blank</code> for nothing, <code>404</code> for an error.
          </dd>
        </div>
        <div>
          <dt>
            <code>.png</code>, <code>.jpg</code>, <code>.webp</code>
          </dt>
          <dd>A format of your choice; else the best that the browser reads.</dd>
        </div>
      </dl>
    </section>
  );
}
