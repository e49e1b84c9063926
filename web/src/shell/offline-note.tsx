import { useSyncExternalStore } from 'react';
import { Icon } from '../components/icon';

function follow(listener: () => void): () => void {
  addEventListener('online', listener);
  addEventListener('offline', listener);
  return () => {
    removeEventListener('online', listener);
    removeEventListener('offline', listener);
  };
}

/** Says so while the browser has no network. */
export function OfflineNote() {
  const online = useSyncExternalStore(follow, () => navigator.onLine);
  return (
    <div role="status">
      {!online && (
        <p className="note offline">
          <Icon name="warning" />
          <span>You are offline. What you see may be out of date, and nothing is sent until you are back.</span>
        </p>
      )}
    </div>
  );
}
