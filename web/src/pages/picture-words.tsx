import type { Image } from '../api/types';
import { Problem } from '../api/problem';
import { Button } from '../components/button';
import { TextArea, TextField } from '../components/field';
import { ProblemNote } from '../components/problem-note';
import { Switch } from '../components/switch';
import { entries } from '../forms';
import { useImageChange } from './use-image-change';

/** Another title. Escape leaves the old one. */
export function Rename({ image, onDone }: { image: Image; onDone: () => void }) {
  const save = useImageChange(image.id, onDone);
  const problem = save.isError ? Problem.from(save.error) : null;
  return (
    <form
      className="card stack rename"
      aria-label="Rename"
      onKeyDown={(event) => {
        if (event.key === 'Escape') onDone();
      }}
      onSubmit={(event) => {
        event.preventDefault();
        if (!save.isPending) save.mutate(entries(event.currentTarget, ['title']));
      }}
    >
      {problem && <ProblemNote error={problem} fields={['title']} />}
      <TextField
        label="Title"
        name="title"
        defaultValue={image.title}
        maxLength={200}
        autoComplete="off"
        autoFocus
        required
        onFocus={(event) => event.currentTarget.select()}
        problem={problem?.forField('title')}
      />
      <div className="row">
        <Button kind="main" type="submit" pending={save.isPending}>
          Save title
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </form>
  );
}

export function AltText({ image }: { image: Image }) {
  const save = useImageChange(image.id);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(entries(event.currentTarget, ['alt_text']));
      }}
    >
      <TextArea
        label="Description"
        name="alt_text"
        hint="What it shows, for those who cannot see it. Sent along where a platform takes it."
        defaultValue={image.alt_text}
        maxLength={1500}
      />
      {save.isError && <ProblemNote error={save.error} />}
      <div className="row">
        <Button type="submit" pending={save.isPending}>
          Save description
        </Button>
        <span role="status" className="small quiet">
          {save.isSuccess && 'Saved'}
        </span>
      </div>
    </form>
  );
}

/** Whether the picture's addresses are for everybody. */
export function Publish({ image }: { image: Image }) {
  const save = useImageChange(image.id);
  return (
    <div className="stack-tight">
      <Switch
        label="Published"
        hint="Anybody who has the address of one of its files may look, so that your own website can show it from here. Turned off, those addresses end."
        checked={save.isPending ? (save.variables.published ?? image.published) : image.published}
        pending={save.isPending}
        onChange={(published) => save.mutate({ published })}
      />
      {save.isError && <ProblemNote error={save.error} />}
    </div>
  );
}
