import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { editsQuery } from './api/edits';
import { Problem } from './api/problem';
import {
  activityQuery,
  apiKeysQuery,
  avatarSettingsQuery,
  connectionChoiceQuery,
  connectionQuery,
  connectionsQuery,
  defaultsQuery,
  deletedPicturesQuery,
  identitiesQuery,
  imageQuery,
  imagesQuery,
  libraryQuery,
  meQuery,
  noticesQuery,
  overviewQuery,
  picturesQuery,
  platformsQuery,
  profileQuery,
  providersQuery,
  sessionsQuery,
  syncQuery,
  syncsQuery,
  timeSeriesQuery,
  variantsQuery,
} from './api/queries';
import type { SlotName } from './api/types';
import { filterOf, readSearch } from './library-search';
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

/** A place of a platform, such as `x.avatar`. */
const isSlotKey = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z0-9_-]{1,60}\.[a-z]{1,30}$/.test(value);

/** A reason as the server writes it. Anybody can make a link, so nothing else gets onto the page by it. */
const reason = (value: unknown) => (typeof value === 'string' && /^[A-Z_]{1,40}$/.test(value) ? value : undefined);

const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  // Outside of the frame that has the main landmark.
  notFoundComponent: () => (
    <main>
      <NotFoundPage />
    </main>
  ),
});

/** What the way back from a sign-in provider says. */
interface ProviderResult {
  problem?: string | undefined;
  provider?: string | undefined;
}

const doorSearch = (search: Record<string, unknown>): { return_to?: string | undefined } => ({
  return_to: safeReturnPath(search.return_to),
});

const providerSearch = (search: Record<string, unknown>): ProviderResult => ({
  problem: reason(search.problem),
  provider: text(search.provider),
});

const logIn = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search) => ({ ...doorSearch(search), ...providerSearch(search) }),
  component: lazyRouteComponent(() => import('./pages/log-in'), 'LogInPage'),
});

const register = createRoute({
  getParentRoute: () => root,
  path: '/register',
  validateSearch: doorSearch,
  component: lazyRouteComponent(() => import('./pages/register'), 'RegisterPage'),
});

const completeSignUp = createRoute({
  getParentRoute: () => root,
  path: '/complete-sign-up',
  validateSearch: (search) => ({
    email: text(search.email),
    display_name: text(search.display_name),
    provider_label: text(search.provider_label)?.slice(0, 40),
  }),
  component: lazyRouteComponent(() => import('./pages/complete-sign-up'), 'CompleteSignUpPage'),
});

const confirmEmail = createRoute({
  getParentRoute: () => root,
  path: '/confirm-email',
  component: lazyRouteComponent(() => import('./pages/confirm-email'), 'ConfirmEmailPage'),
});

const forgotPassword = createRoute({
  getParentRoute: () => root,
  path: '/forgot-password',
  component: lazyRouteComponent(() => import('./pages/forgot-password'), 'ForgotPasswordPage'),
});

const resetPassword = createRoute({
  getParentRoute: () => root,
  path: '/reset-password',
  component: lazyRouteComponent(() => import('./pages/reset-password'), 'ResetPasswordPage'),
});

/** Everything that needs an account: asks who it is, else leads to the login page and back. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  beforeLoad: async ({ context, location }) => {
    try {
      return { me: await context.cache.ensureQueryData(meQuery) };
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
  validateSearch: readSearch,
  // Without the search, so that the page stays while one types; what is first looked for is there when it opens.
  loader: ({ context: { cache }, location }) =>
    Promise.all([
      cache.prefetchInfiniteQuery(picturesQuery(filterOf(readSearch(location.search)))),
      cache.prefetchQuery(libraryQuery),
      cache.prefetchQuery(defaultsQuery),
    ]),
  component: lazyRouteComponent(() => import('./pages/library'), 'LibraryPage'),
});

const deleted = createRoute({
  getParentRoute: () => signedIn,
  path: '/library/deleted',
  loader: ({ context: { cache } }) => cache.ensureInfiniteQueryData(deletedPicturesQuery),
  component: lazyRouteComponent(() => import('./pages/deleted'), 'DeletedPage'),
});

const defaults = createRoute({
  getParentRoute: () => signedIn,
  path: '/defaults',
  loader: ({ context: { cache } }) =>
    Promise.all([
      cache.ensureQueryData(defaultsQuery),
      cache.ensureQueryData(connectionsQuery),
      cache.ensureQueryData(platformsQuery),
    ]),
  component: lazyRouteComponent(() => import('./pages/defaults'), 'DefaultsPage'),
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

const edit = createRoute({
  getParentRoute: () => signedIn,
  path: '/library/$imageId/edit',
  validateSearch: (search): { slot?: string } => (isSlotKey(search.slot) ? { slot: search.slot } : {}),
  loader: ({ context: { cache }, params: { imageId } }) =>
    Promise.all([
      cache.ensureQueryData(imageQuery(imageId)),
      // What was read before may have been changed elsewhere since.
      cache.fetchQuery(editsQuery(imageId)),
      cache.ensureQueryData(connectionsQuery),
      cache.ensureQueryData(platformsQuery),
    ]),
  component: lazyRouteComponent(() => import('./pages/edit'), 'EditPage'),
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

const chooseAccounts = createRoute({
  getParentRoute: () => signedIn,
  path: '/connections/choose',
  validateSearch: (search): { choice: string } => ({ choice: text(search.choice) ?? '' }),
  loaderDeps: ({ search: { choice } }) => ({ choice }),
  loader: ({ context: { cache }, deps: { choice } }) =>
    Promise.all([cache.prefetchQuery(connectionChoiceQuery(choice)), cache.ensureQueryData(platformsQuery)]),
  component: lazyRouteComponent(() => import('./pages/choose-accounts'), 'ChooseAccountsPage'),
});

const connection = createRoute({
  getParentRoute: () => signedIn,
  path: '/connections/$connectionId',
  loader: ({ context: { cache }, params: { connectionId } }) =>
    Promise.all([cache.ensureQueryData(connectionQuery(connectionId)), cache.ensureQueryData(platformsQuery)]),
  component: lazyRouteComponent(() => import('./pages/connection'), 'ConnectionPage'),
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

const settings = createRoute({
  getParentRoute: () => signedIn,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings/frame'), 'SettingsFrame'),
});

const account = createRoute({
  getParentRoute: () => settings,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/settings/account'), 'AccountPage'),
});

const signInMethods = createRoute({
  getParentRoute: () => settings,
  path: '/sign-in',
  validateSearch: (search) => ({ ...providerSearch(search), linked: text(search.linked) }),
  loader: ({ context: { cache } }) =>
    Promise.all([cache.ensureQueryData(identitiesQuery), cache.ensureQueryData(providersQuery)]),
  component: lazyRouteComponent(() => import('./pages/settings/sign-in'), 'SignInMethodsPage'),
});

const sessions = createRoute({
  getParentRoute: () => settings,
  path: '/sessions',
  loader: ({ context: { cache } }) => cache.ensureQueryData(sessionsQuery),
  component: lazyRouteComponent(() => import('./pages/settings/sessions'), 'SessionsPage'),
});

const apiKeys = createRoute({
  getParentRoute: () => settings,
  path: '/api-keys',
  loader: ({ context: { cache } }) => cache.ensureQueryData(apiKeysQuery),
  component: lazyRouteComponent(() => import('./pages/settings/api-keys'), 'ApiKeysPage'),
});

const avatarAddress = createRoute({
  getParentRoute: () => settings,
  path: '/avatar',
  loader: ({ context: { cache } }) => cache.ensureQueryData(avatarSettingsQuery),
  component: lazyRouteComponent(() => import('./pages/settings/avatar'), 'AvatarAddressPage'),
});

const security = createRoute({
  getParentRoute: () => settings,
  path: '/security',
  loader: ({ context: { cache } }) => cache.ensureInfiniteQueryData(activityQuery),
  component: lazyRouteComponent(() => import('./pages/settings/security'), 'SecurityPage'),
});

/** There for the installation's staff alone; the server sees to it that the page would be empty for others. */
const accounts = createRoute({
  getParentRoute: () => signedIn,
  path: '/admin/accounts',
  // In the loader, so that the page which says so stands in the frame.
  loader: ({ context: { me } }) => {
    if (me.role === 'user') throw notFound();
  },
  notFoundComponent: NotFoundPage,
  component: lazyRouteComponent(() => import('./pages/accounts'), 'AccountsPage'),
});

export const routeTree = root.addChildren([
  logIn,
  register,
  completeSignUp,
  confirmEmail,
  forgotPassword,
  resetPassword,
  signedIn.addChildren([
    home,
    library,
    deleted,
    picture,
    edit,
    defaults,
    connections,
    chooseAccounts,
    connection,
    syncs,
    sync,
    notices,
    analytics,
    profile,
    settings.addChildren([account, signInMethods, sessions, apiKeys, avatarAddress, security]),
    accounts,
  ]),
]);

export const fallbacks = {
  defaultErrorComponent: ErrorPage,
  defaultNotFoundComponent: NotFoundPage,
  defaultPendingComponent: PendingPage,
};
