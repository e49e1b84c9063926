import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../../api/client';
import { keys } from '../../api/keys';
import { Problem } from '../../api/problem';
import type { Scope } from '../../api/types';
import { Button } from '../../components/button';
import { CopyField } from '../../components/copy-field';
import { Dialog } from '../../components/dialog';
import { SelectField, TextField } from '../../components/field';
import { ProblemNote } from '../../components/problem-note';
import { SCOPES } from '../../scopes';

const DAY_MS = 86_400_000;
const LIVES = [
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', 'a year'],
  ['', 'never: I revoke it myself'],
] as const;
const ALL_SCOPES = Object.keys(SCOPES) as Scope[];

interface NewKey {
  name: string;
  scopes: Scope[];
  expires_at: string | null;
}

/** Makes an API key, and then shows it, this one time. */
export function NewKeyDialog({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const make = useMutation({
    mutationFn: (body: NewKey) => answer(api.POST('/v1/me/api-keys', { body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.apiKeys }),
  });
  if (make.isSuccess) {
    return (
      <Dialog title="Your new API key" open keep onClose={onClose}>
        <p>
          Copy it now and put it where your program finds it. It is shown this one time: we keep only what is needed to
          recognise it.
        </p>
        <CopyField label="API key" value={make.data.secret} />
        <div>
          <Button kind="main" icon="check" onClick={onClose}>
            I have saved it
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Make an API key" open onClose={onClose}>
      <KeyForm
        onSubmit={make.mutate}
        onCancel={onClose}
        pending={make.isPending}
        problem={make.isError ? Problem.from(make.error) : null}
      />
    </Dialog>
  );
}

interface KeyFormProps {
  onSubmit: (key: NewKey) => void;
  onCancel: () => void;
  pending: boolean;
  problem: Problem | null;
}

function KeyForm({ onSubmit, onCancel, pending, problem }: KeyFormProps) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<ReadonlySet<Scope>>(new Set());
  const [days, setDays] = useState('90');
  const [incomplete, setIncomplete] = useState(false);
  const toggle = (scope: Scope) => {
    setIncomplete(false);
    setScopes((chosen) => new Set(chosen.has(scope) ? [...chosen].filter((one) => one !== scope) : [...chosen, scope]));
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (pending) return;
        if (scopes.size === 0) {
          setIncomplete(true);
          return;
        }
        const expires_at = days === '' ? null : new Date(Date.now() + Number(days) * DAY_MS).toISOString();
        onSubmit({ name, scopes: ALL_SCOPES.filter((scope) => scopes.has(scope)), expires_at });
      }}
    >
      {problem && <ProblemNote error={problem} fields={['name', 'scopes', 'expires_at']} />}
      <TextField
        label="Name"
        name="name"
        hint="What uses it, such as “Backup script”."
        value={name}
        onChange={(event) => setName(event.target.value)}
        autoComplete="off"
        maxLength={100}
        required
        problem={problem?.forField('name')}
      />
      <fieldset className="stack-tight" aria-describedby={incomplete ? 'no-scope' : undefined}>
        <legend>What it may do</legend>
        {(incomplete || problem?.forField('scopes')) && (
          <p className="field-problem" id="no-scope" role="alert">
            {problem?.forField('scopes') ?? 'Choose at least one.'}
          </p>
        )}
        {ALL_SCOPES.map((scope) => (
          <label key={scope} className="check">
            <input type="checkbox" name="scopes" checked={scopes.has(scope)} onChange={() => toggle(scope)} />
            <span>
              {SCOPES[scope]} <code className="small quiet">{scope}</code>
            </span>
          </label>
        ))}
      </fieldset>
      <SelectField
        label="Ends after"
        name="expires_at"
        value={days}
        onChange={(event) => setDays(event.target.value)}
        problem={problem?.forField('expires_at')}
      >
        {LIVES.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </SelectField>
      <div className="row">
        <Button kind="main" type="submit" pending={pending}>
          Make the key
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}
