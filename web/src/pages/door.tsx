import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { Mark } from '../components/mark';
import { isServerPath } from '../return-path';

/** The frame of the pages before one is signed in. */
export function Door({ children }: { children: React.ReactNode }) {
  return (
    <main className="door">
      <p className="brand">
        <Mark size={40} />
        <span>Linkarooie</span>
      </p>
      <div className="door-card card card-roomy stack">{children}</div>
      <p className="quiet small">One picture, everywhere.</p>
    </main>
  );
}

/** Goes on to where somebody wanted to go before they were asked who they are. */
export function useEnter(returnTo: string | undefined): () => void {
  const router = useRouter();
  const cache = useQueryClient();
  return () => {
    cache.clear();
    if (returnTo && isServerPath(returnTo)) location.assign(returnTo);
    else router.history.push(returnTo ?? '/');
  };
}
