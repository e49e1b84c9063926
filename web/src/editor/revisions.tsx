import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { revisionsQuery } from '../api/edits';
import type { Image, Revision } from '../api/types';
import { Button } from '../components/button';
import { ConfirmDialog } from '../components/dialog';
import { Moment } from '../components/moment';
import { More } from '../components/more';
import { ProblemNote } from '../components/problem-note';
import { editsWords } from '../edits/words';
import type { Editor } from './use-editor';
import { useRestore } from './use-save';

/** What was done to the picture before, and the way back to it. */
export function Revisions({ image, editor }: { image: Image; editor: Editor }) {
  const query = useInfiniteQuery(revisionsQuery(image.id));
  const restore = useRestore(image, editor);
  const [asked, setAsked] = useState<Revision | null>(null);
  const revisions = query.data?.pages.flatMap((page) => page.items) ?? [];
  const bringBack = (revision: Revision) => {
    if (editor.isChanged) setAsked(revision);
    else restore.mutate(revision.number);
  };
  return (
    <section className="stack" aria-labelledby="revisions">
      <h2 id="revisions">Revisions</h2>
      {query.isError && !query.data && <ProblemNote error={query.error} onRetry={() => void query.refetch()} />}
      {restore.isError && <ProblemNote error={restore.error} />}
      <ol className="revisions" aria-label="Revisions">
        {revisions.map((revision) => (
          <li key={revision.number} className="row">
            <div className="grow">
              <p>
                <strong>Revision {revision.number}</strong>
                <span className="quiet">
                  {' '}
                  · <Moment at={revision.created_at} />
                </span>
              </p>
              <p className="small quiet">{editsWords(revision)}</p>
            </div>
            {revision.number === editor.begun.revision.number ? (
              <span className="small quiet">Present</span>
            ) : (
              <Button
                pending={restore.isPending && restore.variables === revision.number}
                held={restore.isPending}
                onClick={() => bringBack(revision)}
              >
                Bring this back<span className="unseen"> (revision {revision.number})</span>
              </Button>
            )}
          </li>
        ))}
      </ol>
      <More query={query} what="revisions" />
      <ConfirmDialog
        title="Bring it back and drop your changes?"
        open={asked !== null}
        onClose={() => setAsked(null)}
        confirm="Bring it back"
        onConfirm={() => {
          setAsked(null);
          if (asked) restore.mutate(asked.number);
        }}
        pending={false}
        error={null}
      >
        <p>What you have changed since you opened this page is not saved.</p>
      </ConfirmDialog>
    </section>
  );
}
