import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/components.css';
import './styles/pages.css';
import './styles/editor.css';
import './styles/library.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { createRouter, RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './api/query-client';
import { fallbacks, routeTree } from './routes';

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

const cache = createQueryClient(leaveForLogin);
const router = createRouter({
  routeTree,
  context: { cache },
  ...fallbacks,
  defaultPreload: 'intent',
  // The cache decides what is fresh, not the router.
  defaultPreloadStaleTime: 0,
  // Most answers are there sooner; a page that flashes by would only unsettle.
  defaultPendingMs: 600,
  scrollRestoration: true,
});

/** The session ended while a page was open: nothing of the account stays in memory, and the way back is kept. */
function leaveForLogin(): void {
  const { href } = router.state.location;
  // The pages before one is signed in ask nothing of a session.
  if (!router.state.matches.some(({ routeId }) => routeId === '/signed-in')) return;
  cache.clear();
  void router.navigate({
    to: '/login',
    search: href === '/' ? {} : { return_to: href },
    // Whoever is asked whether to stay could not: without a session nothing can be saved.
    ignoreBlocker: true,
  });
}

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
