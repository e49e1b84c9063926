import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answerWithResponse, api } from '../api/client';
import { Problem } from '../api/problem';
import { profileQuery } from '../api/queries';
import type { Profile, ProfileChange } from '../api/types';
import { Button } from '../components/button';
import { TextArea, TextField } from '../components/field';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';

/** The form is about one version of the profile; when another one is loaded on purpose, it starts over. */
export function ProfilePage() {
  const { data } = useSuspenseQuery(profileQuery);
  const [version, setVersion] = useState(0);
  return (
    <Page title="Profile" lead="How you want to be seen. Nobody sees it until you make it public.">
      <ProfileForm key={version} {...data} onReload={() => setVersion(version + 1)} />
    </Page>
  );
}

interface ProfileFormProps {
  profile: Profile;
  etag: string;
  onReload: () => void;
}

function ProfileForm({ profile, etag, onReload }: ProfileFormProps) {
  const cache = useQueryClient();
  // What was read when the form was opened: the server refuses to overwrite anything newer.
  const [base, setBase] = useState(etag);
  const save = useMutation({
    mutationFn: (body: ProfileChange) =>
      answerWithResponse(api.PATCH('/v1/profile', { body, params: { header: { 'if-match': base } } })),
    onSuccess: ({ data, response }) => {
      const saved = response.headers.get('etag') ?? '';
      setBase(saved);
      cache.setQueryData(profileQuery.queryKey, { profile: data, etag: saved });
    },
  });
  const problem = save.isError ? Problem.from(save.error) : null;
  const overtaken = problem?.reason === 'ETAG_MISMATCH';
  return (
    <form
      className="card card-roomy stack narrow"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const visibility = new FormData(form).get('visibility') === 'public' ? 'public' : 'private';
        save.mutate({ ...entries(form, ['handle', 'display_name', 'bio']), visibility });
      }}
    >
      {problem && (
        <ProblemNote error={problem} fields={['display_name', 'handle', 'bio']}>
          {overtaken && (
            <Button icon="sync" onClick={() => void cache.fetchQuery(profileQuery).then(onReload)}>
              Load the newer version
            </Button>
          )}
        </ProblemNote>
      )}
      <TextField
        label="Display name"
        name="display_name"
        defaultValue={profile.display_name}
        autoComplete="name"
        maxLength={100}
        required
        problem={problem?.forField('display_name')}
      />
      <TextField
        label="Handle"
        name="handle"
        defaultValue={profile.handle}
        hint="3 to 30 letters a to z, digits, and hyphens between them."
        autoCapitalize="none"
        spellCheck={false}
        maxLength={30}
        required
        problem={problem?.forField('handle')}
      />
      <TextArea
        label="About you"
        name="bio"
        defaultValue={profile.bio}
        rows={4}
        maxLength={500}
        problem={problem?.forField('bio')}
      />
      <fieldset className="stack-tight">
        <legend>Who may see your profile</legend>
        <Choice value="private" label="Only you" chosen={profile.visibility} />
        <Choice value="public" label="Everyone" chosen={profile.visibility} />
      </fieldset>
      <div className="row">
        <Button kind="main" type="submit" pending={save.isPending}>
          Save
        </Button>
        <span role="status" className="quiet">
          {save.isSuccess && 'Saved'}
        </span>
      </div>
    </form>
  );
}

function Choice({ value, label, chosen }: { value: string; label: string; chosen: string }) {
  return (
    <label className="check">
      <input type="radio" name="visibility" value={value} defaultChecked={value === chosen} />
      {label}
    </label>
  );
}
