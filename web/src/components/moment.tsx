import { useEffect, useState } from 'react';
import { formatMoment, formatRelative } from '../format';

const REFRESH_MS = 30_000;

/** A moment as seen from now, kept up to date; the exact time in the reader's zone on hover. */
export function Moment({ at }: { at: string }) {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const moment = new Date(at);
  // Something may have happened since the clock was last looked at; the future is only for what is planned.
  const seen = moment > now && moment.getTime() - now.getTime() < REFRESH_MS ? moment : now;
  return (
    <time dateTime={at} title={formatMoment(moment)}>
      {formatRelative(moment, seen)}
    </time>
  );
}
