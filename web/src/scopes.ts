import type { Scope } from './api/types';

/** What each right of an API key means, in plain words, and in the order to show them. */
export const SCOPES: Record<Scope, string> = {
  'images:read': 'See your pictures and what each platform gets',
  'images:write': 'Upload, describe and delete pictures',
  'sync:read': 'See syncs and how they went',
  'sync:write': 'Send pictures to your connected accounts',
  'connections:read': 'See your connected accounts',
  'connections:write': 'Connect and disconnect accounts',
  'profile:read': 'See your profile',
  'profile:write': 'Change your profile',
  'notices:read': 'See your notices',
  'notices:write': 'Mark notices as read',
  'analytics:read': 'See your figures',
  'account:read': 'See your name and e-mail address',
};

/** The words for a scope; a newer server may know more than this page does. */
export function scopeWords(scope: string): string {
  return Object.hasOwn(SCOPES, scope) ? SCOPES[scope as Scope] : scope;
}
