import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext, createRoute, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router';
import { Problem } from './api/problem';
import {
  connectionsQuery,
  imageQuery,
  imagesQuery,
  meQuery,
  noticesQuery,
  overviewQuery,
  platformsQuery,
  profileQuery,
  syncQuery,
  syncsQuery,
  timeSeriesQuery,
  variantsQuery,
} from './api/queries';
import type { SlotName } from './api/types';
import { ErrorPage, NotFoundPage } from './pages/error';
import { PendingPage } from './pages/pending';
import { safeReturnPath } from './return-path';
import { lastDays } from './span';

interface Context {
  cache: QueryClient;
}

/** What the way back from a platform's consent page says. */
interface ConsentResult {
  connected?: string | undefined;
  problem?: string | undefined;
  platform?: string | undefined;
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  // Outside of the frame that has the main landmark.
  notFoundComponent: () => (
    <main>
      <NotFoundPage />
    </main>
  ),
});

const doorSearch = (search: Record<string, unknown>): { return_to?: string | undefined } => ({
  return_to: safeReturnPath(search.return_to),
});

const logIn = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: doorSearch,
  component: lazyRouteComponent(() => import('./pages/log-in'), 'LogInPage'),
});

const signUp = createRoute({
  getParentRoute: () => root,
  path: '/signup',
  validateSearch: doorSearch,
  component: lazyRouteComponent(() => import('./pages/sign-up'), 'SignUpPage'),
});

/** Everything that needs an account: asks who it is, else leads to the login page and back. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  beforeLoad: async ({ context, location }) => {
    try {
      await context.cache.ensureQueryData(meQuery);
    } catch (error) {
      if (!Problem.from(error).unauthenticated) throw error;
      throw redirect({
        to: '/login',
        search: location.href === '/' ? {} : { return_to: location.href },
        replace: true,
      });
    }
  },
  component: lazyRouteComponent(() => import('./shell/shell'), 'Shell'),
});

const home = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  loader: ({ context: { cache } }) =>
    Promise.all([
      cache.ensureInfiniteQueryData(imagesQuery),
      cache.ensureQueryData(connectionsQuery),
      cache.ensureInfiniteQueryData(syncsQuery),
      cache.ensureQueryData(platformsQuery),
    ]),
  component: lazyRouteComponent(() => import('./pages/home'), 'HomePage'),
});

const library = createRoute({
  getParentRoute: () => signedIn,
  path: '/library',
  loader: ({ context: { cache } }) => cache.ensureInfiniteQueryData(imagesQuery),
  component: lazyRouteComponent(() => import('./pages/library'), 'LibraryPage'),
});

const picture = createRoute({
  getParentRoute: () => signedIn,
  path: '/library/$imageId',
  validateSearch: (search): { slot?: SlotName } => (search.slot === 'banner' ? { slot: 'banner' } : {}),
  loader: ({ context: { cache }, params: { imageId } }) =>
    Promise.all([
      cache.ensureQueryData(imageQuery(imageId)),
      cache.ensureQueryData(variantsQuery(imageId)),
      cache.ensureQueryData(connectionsQuery),
      cache.ensureQueryData(platformsQuery),
    ]),
  component: lazyRouteComponent(() => import('./pages/picture'), 'PicturePage'),
});

const connections = createRoute({
  getParentRoute: () => signedIn,
  path: '/connections',
  validateSearch: (search): ConsentResult => ({
    connected: text(search.connected),
    problem: text(search.problem),
    platform: text(search.platform),
  }),
  loader: ({ context: { cache } }) =>
    Promise.all([cache.ensureQueryData(connectionsQuery), cache.ensureQueryData(platformsQuery)]),
  component: lazyRouteComponent(() => import('./pages/connections'), 'ConnectionsPage'),
});

const syncs = createRoute({
  getParentRoute: () => signedIn,
  path: '/syncs',
  loader: ({ context: { cache } }) => cache.ensureInfiniteQueryData(syncsQuery),
  component: lazyRouteComponent(() => import('./pages/syncs'), 'SyncsPage'),
});

const sync = createRoute({
  getParentRoute: () => signedIn,
  path: '/syncs/$syncId',
  loader: ({ context: { cache }, params: { syncId } }) =>
    Promise.all([cache.ensureQueryData(syncQuery(syncId)), cache.ensureQueryData(platformsQuery)]),
  component: lazyRouteComponent(() => import('./pages/sync'), 'SyncPage'),
});

const notices = createRoute({
  getParentRoute: () => signedIn,
  path: '/notices',
  loader: ({ context: { cache } }) => cache.ensureInfiniteQueryData(noticesQuery),
  component: lazyRouteComponent(() => import('./pages/notices'), 'NoticesPage'),
});

const analytics = createRoute({
  getParentRoute: () => signedIn,
  path: '/analytics',
  validateSearch: (search): { days?: 7 | 90 } => (search.days === 7 || search.days === 90 ? { days: search.days } : {}),
  loaderDeps: ({ search: { days } }) => ({ days }),
  loader: ({ context: { cache }, deps: { days } }) => {
    const span = lastDays(days);
    return Promise.all([
      cache.ensureQueryData(overviewQuery(span)),
      cache.ensureQueryData(timeSeriesQuery(span)),
      cache.ensureQueryData(platformsQuery),
    ]);
  },
  component: lazyRouteComponent(() => import('./pages/analytics'), 'AnalyticsPage'),
});

const profile = createRoute({
  getParentRoute: () => signedIn,
  path: '/profile',
  loader: ({ context: { cache } }) => cache.ensureQueryData(profileQuery),
  component: lazyRouteComponent(() => import('./pages/profile'), 'ProfilePage'),
});

export const routeTree = root.addChildren([
  logIn,
  signUp,
  signedIn.addChildren([home, library, picture, connections, syncs, sync, notices, analytics, profile]),
]);

export const fallbacks = {
  defaultErrorComponent: ErrorPage,
  defaultNotFoundComponent: NotFoundPage,
  defaultPendingComponent: PendingPage,
};
