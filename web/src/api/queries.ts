import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { type Defaults, withoutGaps } from '../defaults';
import type { Span } from '../span';
import { answer, answerWithResponse, api } from './client';
import { keys } from './keys';
import { Problem } from './problem';
import type { Connection, Image, SlotName, Sync } from './types';

/** How often something under way is looked at even if the live stream says nothing: it may have lost a word. */
const SAFETY_INTERVAL_MS = 30_000;

/** A new account's pictures are looked at within seconds; the word of it may come before this page's stream is open. */
const FIRST_LOOK_INTERVAL_MS = 3000;
const FIRST_LOOK_PATIENCE_MS = 60_000;

const everyPage = {
  initialPageParam: '',
  getNextPageParam: (page: { next_page_token: string }) => page.next_page_token || undefined,
};

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: () => answer(api.GET('/v1/me')),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Which pictures of the library; all of them where nothing is said. */
export interface PictureFilter {
  /** Words of what is said about them. */
  q?: string;
  state?: Image['state'];
  /** Chosen as default for this slot somewhere. */
  slot?: SlotName;
  /** Those that were deleted and can be restored, instead of the library's. */
  deleted?: boolean;
}

const pictures = (filter: PictureFilter, queryKey: readonly unknown[]) =>
  infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET('/v1/images', { params: { query: { ...filter, page_token: pageParam } }, signal })),
    refetchInterval: ({ state }) =>
      state.data?.pages.some((page) => page.items.some(isProcessing)) ? SAFETY_INTERVAL_MS : false,
    ...everyPage,
  });

/** The whole library. */
export const imagesQuery = pictures({}, keys.imageList);

/** Some of the library's pictures; its key begins like that of all, so that they are read anew together. */
export const picturesQuery = (filter: PictureFilter) =>
  Object.keys(filter).length === 0 ? imagesQuery : pictures(filter, [...keys.imageList, filter]);

export const deletedPicturesQuery = picturesQuery({ deleted: true });

/** How full the library is, and what is going on in it. */
export const libraryQuery = queryOptions({
  queryKey: keys.library,
  queryFn: () => answer(api.GET('/v1/library')),
  refetchInterval: ({ state }) => (state.data && state.data.outdated > 0 ? SAFETY_INTERVAL_MS : false),
});

export const imageQuery = (id: string) =>
  queryOptions({
    queryKey: keys.image(id),
    queryFn: () => answer(api.GET('/v1/images/{image_id}', { params: { path: { image_id: id } } })),
    refetchInterval: ({ state }) => (state.data && isProcessing(state.data) ? SAFETY_INTERVAL_MS : false),
  });

export const variantsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.variants(id),
    queryFn: async () =>
      (await answer(api.GET('/v1/images/{image_id}/variants', { params: { path: { image_id: id } } }))).items,
  });

/** Pictures that are the same as one, or look nearly so. */
export const similarQuery = (id: string) =>
  queryOptions({
    queryKey: keys.similar(id),
    queryFn: () => answer(api.GET('/v1/images/{image_id}/similar', { params: { path: { image_id: id } } })),
  });

/** Where a picture is in use, and what deleting it would do: looked at when somebody is about to. */
export const usesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.uses(id),
    queryFn: () => answer(api.GET('/v1/images/{image_id}/uses', { params: { path: { image_id: id } } })),
    staleTime: 0,
  });

/** Which picture is shown where, and the version of it that a change is about. */
export const defaultsQuery = queryOptions({
  queryKey: keys.defaults,
  queryFn: async (): Promise<{ defaults: Defaults; etag: string }> => {
    const { data, response } = await answerWithResponse(api.GET('/v1/defaults'));
    return { defaults: withoutGaps(data), etag: response.headers.get('etag') ?? '' };
  },
});

export const avatarSettingsQuery = queryOptions({
  queryKey: keys.avatarSettings,
  queryFn: () => answer(api.GET('/v1/avatar-settings')),
  // Handle and address are told to it moments after they change, and by other pages.
  staleTime: 0,
});

export const platformsQuery = queryOptions({
  queryKey: keys.platforms,
  queryFn: async () => (await answer(api.GET('/v1/platforms'))).items,
  staleTime: 5 * 60_000,
});

export const connectionsQuery = queryOptions({
  queryKey: keys.connections,
  // One page of a hundred accounts: who has more gets paging when the page for it comes.
  queryFn: async () => (await answer(api.GET('/v1/connections', { params: { query: { page_size: 100 } } }))).items,
  refetchInterval: ({ state }) => (state.data?.some(awaitsFirstLook) ? FIRST_LOOK_INTERVAL_MS : false),
});

export const connectionQuery = (id: string) =>
  queryOptions({
    queryKey: keys.connection(id),
    queryFn: () => answer(api.GET('/v1/connections/{connection_id}', { params: { path: { connection_id: id } } })),
    refetchInterval: ({ state }) => (state.data?.leaving ? SAFETY_INTERVAL_MS : false),
  });

/** What was found in one place of an account so far, newest first. */
export const snapshotsQuery = (connectionId: string, slot: SlotName) =>
  infiniteQueryOptions({
    queryKey: keys.snapshots(connectionId, slot),
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/v1/connections/{connection_id}/snapshots', {
          params: { path: { connection_id: connectionId }, query: { slot, page_token: pageParam } },
        }),
      ),
    ...everyPage,
  });

/** The accounts that a consent has opened, of which their owner has to choose. */
export const connectionChoiceQuery = (id: string) =>
  queryOptions({
    queryKey: keys.connectionChoice(id),
    queryFn: () => answer(api.GET('/v1/connections/choices/{choice_id}', { params: { path: { choice_id: id } } })),
    // What one is choosing from stays as it was, and a choice that is made is not there any more.
    staleTime: Number.POSITIVE_INFINITY,
  });

export const syncsQuery = infiniteQueryOptions({
  queryKey: keys.syncList,
  queryFn: ({ pageParam }) => answer(api.GET('/v1/syncs', { params: { query: { page_token: pageParam } } })),
  refetchInterval: ({ state }) =>
    state.data?.pages.some((page) => page.items.some(isRunning)) ? SAFETY_INTERVAL_MS : false,
  ...everyPage,
});

export const syncQuery = (id: string) =>
  queryOptions({
    queryKey: keys.sync(id),
    queryFn: () => answer(api.GET('/v1/syncs/{sync_id}', { params: { path: { sync_id: id } } })),
    refetchInterval: ({ state }) => (state.data && isRunning(state.data) ? SAFETY_INTERVAL_MS : false),
  });

export const stepsQuery = (targetId: string) =>
  queryOptions({
    queryKey: keys.steps(targetId),
    queryFn: async () =>
      (await answer(api.GET('/v1/targets/{target_id}/history', { params: { path: { target_id: targetId } } }))).items,
  });

export const noticesQuery = infiniteQueryOptions({
  queryKey: keys.noticeList,
  queryFn: ({ pageParam }) => answer(api.GET('/v1/notices', { params: { query: { page_token: pageParam } } })),
  ...everyPage,
});

/** How many notices are unread; shares its key's first word with the list, so that both are read anew together. */
export const unreadQuery = queryOptions({
  queryKey: keys.unread,
  queryFn: async () => (await answer(api.GET('/v1/notices', { params: { query: { page_size: 1 } } }))).unread_count,
});

export const profileQuery = queryOptions({
  queryKey: keys.profile,
  queryFn: async () => {
    const { data, response } = await answerWithResponse(api.GET('/v1/profile'));
    return { profile: data, etag: response.headers.get('etag') ?? '' };
  },
  // A profile is made a moment after its account, so its absence may pass.
  retry: (failures, error) => failures < 4 && (Problem.from(error).passing || Problem.from(error).status === 404),
});

/** The ways to sign in beside a password, and where this installation believes to be. Anybody may ask. */
export const providersQuery = queryOptions({
  queryKey: keys.providers,
  queryFn: () => answer(api.GET('/v1/auth/providers')),
  staleTime: 5 * 60_000,
});

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async () => (await answer(api.GET('/v1/me/sessions'))).items,
  // Nothing tells of other devices' doings, so each visit looks anew.
  staleTime: 0,
});

export const identitiesQuery = queryOptions({
  queryKey: keys.identities,
  queryFn: async () => (await answer(api.GET('/v1/me/identities'))).items,
});

export const apiKeysQuery = queryOptions({
  queryKey: keys.apiKeys,
  queryFn: async () => (await answer(api.GET('/v1/me/api-keys'))).items,
  staleTime: 0,
});

export const activityQuery = infiniteQueryOptions({
  queryKey: keys.activity,
  queryFn: ({ pageParam }) => answer(api.GET('/v1/me/activity', { params: { query: { page_token: pageParam } } })),
  // What happened a moment ago is what somebody looks for here.
  staleTime: 0,
  ...everyPage,
});

/** What happened to somebody else's account. Each look is recorded there, so it is looked at only when asked for. */
export const accountActivityQuery = (userId: string) =>
  infiniteQueryOptions({
    queryKey: keys.accountActivity(userId),
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/v1/admin/accounts/{user_id}/activity', {
          params: { path: { user_id: userId }, query: { page_token: pageParam } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnReconnect: false,
    ...everyPage,
  });

export const overviewQuery = (span: Span) =>
  queryOptions({
    queryKey: [...keys.analytics, 'overview', span.start, span.end],
    queryFn: () =>
      answer(api.GET('/v1/analytics/overview', { params: { query: { start: span.start, end: span.end } } })),
  });

export const timeSeriesQuery = (span: Span) =>
  queryOptions({
    queryKey: [...keys.analytics, 'timeseries', span.start, span.end, span.timeZone],
    queryFn: () =>
      answer(
        api.GET('/v1/analytics/timeseries', {
          params: { query: { start: span.start, end: span.end, granularity: 'day', time_zone: span.timeZone } },
        }),
      ),
  });

function awaitsFirstLook(connection: Connection): boolean {
  const isNew = Date.now() - Date.parse(connection.created_at) < FIRST_LOOK_PATIENCE_MS;
  return isNew && connection.slots.some((slot) => slot.mode !== 'none' && slot.observed === null);
}

function isProcessing(image: Image): boolean {
  return image.state === 'processing';
}

function isRunning(sync: Sync): boolean {
  return sync.state === 'running';
}
