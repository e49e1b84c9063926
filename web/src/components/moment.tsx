import { formatMoment, formatRelative } from '../format';
import { useNow } from '../use-now';

/** A moment as seen from now, kept up to date; the exact time in the reader's zone on hover. `planned` may lie ahead. */
export function Moment({ at, planned = false }: { at: string; planned?: boolean }) {
  const now = useNow();
  const moment = new Date(at);
  // What has happened since the clock was last looked at happened just now.
  const seen = !planned && moment > now ? moment : now;
  return (
    <time dateTime={at} title={formatMoment(moment)}>
      {formatRelative(moment, seen)}
    </time>
  );
}
