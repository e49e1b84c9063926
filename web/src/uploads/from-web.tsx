import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { Problem } from '../api/problem';
import { useWishKeys } from '../api/use-wish-keys';
import { Button } from '../components/button';
import { Dialog } from '../components/dialog';
import { TextField } from '../components/field';
import { ProblemNote } from '../components/problem-note';
import { entries } from '../forms';
import { nameOf } from '../pictures';
import { toasts } from '../toasts';
import { takenIn } from './taken-in';

/** Takes in a picture that has an address on the web. */
export function FromWeb() {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button icon="globe" onClick={() => setAsking(true)}>
        From the web
      </Button>
      <Dialog title="A picture from the web" open={asking} onClose={() => setAsking(false)}>
        <AddressForm onDone={() => setAsking(false)} />
      </Dialog>
    </>
  );
}

function AddressForm({ onDone }: { onDone: () => void }) {
  const cache = useQueryClient();
  const keys = useWishKeys();
  const fetching = useMutation({
    mutationFn: (body: { url: string; alt_text: string }) =>
      answer(api.POST('/v1/images/import', { body, params: { header: { 'idempotency-key': keys.of(body) } } })),
    onSuccess: (image) => {
      takenIn(cache, image);
      toasts.say({ text: `“${nameOf(image)}” is in your library.` });
      onDone();
    },
  });
  const problem = fetching.isError ? Problem.from(fetching.error) : null;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        const { url } = entries(event.currentTarget, ['url']);
        if (!fetching.isPending) fetching.mutate({ url: url.trim(), alt_text: '' });
      }}
    >
      {problem && <ProblemNote error={problem} fields={['url']} />}
      <TextField
        label="Address of the picture"
        name="url"
        hint="It begins with https:// and leads to the picture itself, not to a page that shows it."
        inputMode="url"
        autoCapitalize="none"
        autoCorrect="off"
        autoComplete="off"
        spellCheck={false}
        placeholder="https://"
        maxLength={2000}
        required
        autoFocus
        problem={problem?.forField('url')}
      />
      <div className="row">
        <Button kind="main" type="submit" pending={fetching.isPending}>
          Fetch it
        </Button>
        <Button onClick={onDone}>Cancel</Button>
        <span role="status" className="small quiet">
          {fetching.isPending && 'Being fetched; this may take some seconds.'}
        </span>
      </div>
    </form>
  );
}
