import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { PLAIN } from '../edits/model';
import { answer, answerWithResponse, api } from './client';
import { keys } from './keys';
import type { Edit, Edits, Frame, Note, Revision } from './types';

/** How long previews are kept that nobody looks at: undoing shows them again. */
const PREVIEW_KEPT_MS = 60_000;

export interface TaggedRevision {
  revision: Revision;
  /** Names it to the server, which refuses to change anything else. */
  etag: string;
}

/** What one place would get, and what the server says of it. */
export interface Preview {
  file: Blob;
  about: { width: number; height: number; frame: Frame | null; notes: Note[] };
}

/** What is done to a picture at present. */
export const editsQuery = (imageId: string) =>
  queryOptions({
    queryKey: keys.edits(imageId),
    queryFn: () => readEdits(imageId),
    // Who begins to edit begins with what is there now.
    staleTime: 0,
  });

export async function readEdits(imageId: string): Promise<TaggedRevision> {
  return tagged(api.GET('/v1/images/{image_id}/edits', { params: { path: { image_id: imageId } } }));
}

/** Replaces what is done to a picture. Without a tag, whatever it is by now. */
export async function saveEdits(imageId: string, edits: Edits, etag: string | undefined): Promise<TaggedRevision> {
  return tagged(
    api.PUT('/v1/images/{image_id}/edits', {
      params: { path: { image_id: imageId }, header: { 'if-match': etag ?? '*' } },
      body: edits,
    }),
  );
}

/** Does again what an earlier revision did, unless the picture's edits are others than the tag says. */
export async function restoreRevision(imageId: string, number: number, etag: string): Promise<TaggedRevision> {
  return tagged(
    api.POST('/v1/images/{image_id}/revisions/{number}/restore', {
      params: { path: { image_id: imageId, number }, header: { 'if-match': etag } },
    }),
  );
}

export const revisionsQuery = (imageId: string) =>
  infiniteQueryOptions({
    queryKey: keys.revisions(imageId),
    queryFn: async ({ pageParam }) => {
      const page = await answer(
        api.GET('/v1/images/{image_id}/revisions', {
          params: { path: { image_id: imageId }, query: { page_token: pageParam } },
        }),
      );
      return { ...page, items: page.items as Revision[] };
    },
    initialPageParam: '',
    getNextPageParam: (page) => page.next_page_token || undefined,
  });

/** What an edit would make of a picture in one place; an older question is called off when a newer one takes its place. */
export const previewQuery = (imageId: string, slot: string, edit: Edit) =>
  queryOptions({
    queryKey: keys.preview(imageId, slot, edit),
    queryFn: async ({ signal }): Promise<Preview> => {
      const { data, response } = await answerWithResponse(
        api.POST('/v1/images/{image_id}/preview', {
          params: { path: { image_id: imageId } },
          body: { slot, edit },
          parseAs: 'blob',
          signal,
        }),
      );
      return { file: data, about: readAbout(response.headers.get('linkarooie-variant')) };
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: PREVIEW_KEPT_MS,
    structuralSharing: false,
    placeholderData: keepPreviousData,
  });

/** The library's own large view; with nothing done to it, it is the picture as it was uploaded. */
const LARGE_VIEW = 'thumbnail.1280.webp';

/** The upright picture with nothing done to it, large. */
export const uneditedQuery = (imageId: string) => previewQuery(imageId, LARGE_VIEW, PLAIN);

async function tagged(call: Parameters<typeof answerWithResponse<unknown>>[0]): Promise<TaggedRevision> {
  const { data, response } = await answerWithResponse(call);
  // The server leaves nothing of an edit out.
  return { revision: data as Revision, etag: response.headers.get('etag') ?? '' };
}

function readAbout(header: string | null): Preview['about'] {
  return JSON.parse(header ?? '{"width": 0, "height": 0, "frame": null, "notes": []}') as Preview['about'];
}
