import { Button } from './button';
import { ProblemNote } from './problem-note';

interface MoreProps {
  query: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    isFetchNextPageError: boolean;
    error: unknown;
    fetchNextPage: () => Promise<unknown>;
  };
  what: string;
}

/** Leads to the next page of a list, while there is one. */
export function More({ query, what }: MoreProps) {
  if (query.isFetchNextPageError) {
    return <ProblemNote error={query.error} onRetry={() => void query.fetchNextPage()} />;
  }
  if (!query.hasNextPage) return null;
  return (
    <Button pending={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
      Show more {what}
    </Button>
  );
}
