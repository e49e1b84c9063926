import { useEffect, useState } from 'react';
import { formatDuration } from '../format';

/** Counts down the whole seconds until a moment of this machine's clock, in milliseconds; 0 afterwards or without one. */
export function useSecondsUntil(moment: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  const left = moment === undefined ? 0 : Math.max(0, Math.ceil((moment - now) / 1000));
  useEffect(() => {
    if (moment === undefined) return;
    const tick = () => {
      setNow(Date.now());
      if (Date.now() >= moment) clearInterval(timer);
    };
    const timer = setInterval(tick, 250);
    tick();
    return () => clearInterval(timer);
  }, [moment]);
  return left;
}

/** Says how long to wait. Not read out at every second. */
export function Countdown({ until }: { until: number | undefined }) {
  const left = useSecondsUntil(until);
  if (until === undefined) return null;
  return (
    <p className="figures" role="timer">
      {left > 0 ? `You can try again in ${formatDuration(left)}.` : 'You can try again now.'}
    </p>
  );
}
