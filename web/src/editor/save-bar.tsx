import { useMutation } from '@tanstack/react-query';
import { readEdits } from '../api/edits';
import { Problem } from '../api/problem';
import type { Image } from '../api/types';
import { Button } from '../components/button';
import { ProblemNote } from '../components/problem-note';
import type { Editor } from './use-editor';
import { useSave } from './use-save';

/** Undo, redo and save, within reach wherever one has scrolled to. */
export function SaveBar({ image, editor }: { image: Image; editor: Editor }) {
  const save = useSave(image, editor);
  const theirs = useMutation({
    mutationFn: () => readEdits(image.id),
    onSuccess: (present) => {
      editor.goOnFrom(present, true);
      save.reset();
    },
  });
  const isStale = save.isError && Problem.from(save.error).status === 412;
  return (
    <div className="edit-bar stack">
      {isStale && (
        <div className="note note-warn" role="alert">
          <div className="stack-tight grow">
            <p>This picture was changed elsewhere since you opened it. Nothing of yours is lost.</p>
            <div className="row">
              <Button pending={theirs.isPending} onClick={() => theirs.mutate()}>
                Show theirs
              </Button>
              <Button pending={save.isPending} onClick={() => save.mutate({ anyway: true })}>
                Save mine anyway
              </Button>
            </div>
          </div>
        </div>
      )}
      {save.isError && !isStale && (
        <ProblemNote error={save.error} onRetry={() => save.variables && save.mutate(save.variables)} />
      )}
      {theirs.isError && <ProblemNote error={theirs.error} onRetry={() => theirs.mutate()} />}
      <div className="row">
        <Button icon="undo" held={!editor.canUndo} onClick={editor.undo}>
          <span className="edit-bar-word">Undo</span>
        </Button>
        <Button icon="redo" held={!editor.canRedo} onClick={editor.redo}>
          <span className="edit-bar-word">Redo</span>
        </Button>
        <span className="small quiet grow" role="status">
          {editor.isChanged && 'Not saved'}
        </span>
        <Button
          kind="main"
          pending={save.isPending}
          held={!editor.isChanged}
          onClick={() => save.mutate({ anyway: false })}
        >
          Save
        </Button>
      </div>
    </div>
  );
}
