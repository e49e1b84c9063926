import { formatMoment, formatUpcoming } from '../format';
import { useNow } from '../use-now';

/** When something planned comes, by the reader's clock. */
export function Upcoming({ at }: { at: string }) {
  const now = useNow();
  const moment = new Date(at);
  return (
    <time dateTime={at} title={formatMoment(moment)}>
      {formatUpcoming(moment, now)}
    </time>
  );
}
