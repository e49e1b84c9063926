import { Link, useRouter } from '@tanstack/react-router';
import { Problem } from '../api/problem';
import { Button, buttonClass } from '../components/button';
import { Page } from '../components/page';
import { ProblemNote } from '../components/problem-note';

/** Stands in for a page that could not be shown, in the frame that still works. */
export function ErrorPage({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter();
  const problem = Problem.from(error);
  if (problem.reason === 'IMAGE_DELETED') return <DeletedPicturePage />;
  if (problem.status === 404) return <NotFoundPage />;
  return (
    <div className="lonely">
      <Page title={problem.title}>
        <ProblemNote error={error}>
          <Button
            kind="main"
            icon="sync"
            onClick={() => {
              reset();
              void router.invalidate();
            }}
          >
            Try again
          </Button>
          <Link to="/" className={buttonClass()}>
            Home
          </Link>
        </ProblemNote>
      </Page>
    </div>
  );
}

function DeletedPicturePage() {
  return (
    <div className="lonely">
      <Page
        title="This picture is deleted"
        lead="It waits among the deleted pictures for a while, and can be restored."
      >
        <Link to="/library/deleted" className={buttonClass('main')}>
          Deleted pictures
        </Link>
      </Page>
    </div>
  );
}

export function NotFoundPage() {
  return (
    <div className="lonely">
      <Page
        title="Nothing here"
        lead="This page does not exist, or what it showed is gone or belongs to somebody else."
      >
        <Link to="/" className={buttonClass('main')}>
          Go to your home page
        </Link>
      </Page>
    </div>
  );
}
