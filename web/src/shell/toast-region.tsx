import { useMutation } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { Problem } from '../api/problem';
import { Button } from '../components/button';
import { Icon } from '../components/icon';
import { type Toast, toasts } from '../toasts';

/** Long enough to read it, to think again, and to get there with the keyboard. */
const SHOWN_MS = 10_000;

/** Says what has just been done, read out once it appears. */
export function ToastRegion() {
  const list = useSyncExternalStore(toasts.subscribe, toasts.snapshot);
  useEffect(() => () => toasts.clear(), []);
  return (
    <div className="toasts" role="status">
      {list.map((toast) => (
        <ToastRow key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastRow({ toast: { id, text, action } }: { toast: Toast }) {
  const [held, setHeld] = useState(false);
  const run = useMutation({
    mutationFn: () => action?.run() ?? Promise.resolve(),
    onSuccess: () => toasts.dismiss(id),
  });
  // Whoever is at it, or has to read why it did not work, has all the time they need.
  const stays = held || !run.isIdle;
  useEffect(() => {
    if (stays) return;
    const timer = setTimeout(() => toasts.dismiss(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id, stays]);
  return (
    <div
      className="toast"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <p className="grow">{run.isError ? Problem.from(run.error).detail : text}</p>
      {action && (
        <Button pending={run.isPending} onClick={() => run.mutate()}>
          {action.label}
        </Button>
      )}
      <button type="button" className="icon-button" aria-label={`Dismiss: ${text}`} onClick={() => toasts.dismiss(id)}>
        <Icon name="cross" />
      </button>
    </div>
  );
}
