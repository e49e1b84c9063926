import type { Activity } from './api/types';
import type { IconName } from './components/icon';

/** One line of the security activity as people read it. */
export interface ActivityLine {
  icon: IconName;
  /** Worth a second look: it may not have been the owner. */
  striking: boolean;
  /** Such as “Signed in from Firefox on Linux”. */
  what: string;
  /** Who did it, on what, from where: as far as it is known and not said before. */
  from: string[];
}

type Action = Activity['action'];

interface Words {
  icon: IconName;
  striking?: boolean;
  /** The device belongs into the sentence. */
  fromDevice?: boolean;
  say: (detail: string) => string;
}

/** How a sign-in was proved: `password`, or a provider's name. */
const by = (detail: string) => (detail === '' || detail === 'password' ? '' : ` with ${detail}`);

const WORDS: Record<Action, Words> = {
  registered: { icon: 'person', say: () => 'The account was made' },
  signed_in: { icon: 'arrow', fromDevice: true, say: (detail) => `Signed in${by(detail)}` },
  signed_in_new_device: {
    icon: 'device',
    striking: true,
    fromDevice: true,
    say: (detail) => `Signed in${by(detail)} for the first time`,
  },
  sign_in_failed: {
    icon: 'warning',
    striking: true,
    fromDevice: true,
    say: () => 'Somebody tried to sign in with a wrong password',
  },
  signed_out: { icon: 'arrow', say: () => 'Logged out' },
  session_ended: {
    icon: 'cross',
    say: (detail) => (detail ? `The session on ${detail} was ended` : 'A session was ended'),
  },
  other_sessions_ended: { icon: 'cross', say: () => 'All other sessions were ended' },
  token_reused: {
    icon: 'warning',
    striking: true,
    say: () => 'A session was ended because a copy of it turned up, as when it is stolen',
  },
  password_reset_requested: { icon: 'mail', say: () => 'Somebody asked for a letter that sets a new password' },
  password_reset: { icon: 'key', striking: true, say: () => 'A new password was set by a letter' },
  password_changed: { icon: 'key', say: () => 'The password was changed' },
  email_change_requested: {
    icon: 'mail',
    say: (detail) => `A change of the e-mail address to ${detail} was asked for`,
  },
  email_changed: { icon: 'mail', striking: true, say: (detail) => `The e-mail address was changed to ${detail}` },
  identity_linked: { icon: 'link', say: (detail) => `${detail} was linked as a way to sign in` },
  identity_removed: { icon: 'link', say: (detail) => `${detail} was unlinked as a way to sign in` },
  api_key_created: { icon: 'key', say: (detail) => `The API key “${detail}” was made` },
  api_key_revoked: { icon: 'key', say: (detail) => `The API key “${detail}” was revoked` },
  looked_up: { icon: 'person', say: () => 'The account was looked at' },
  role_changed: { icon: 'person', striking: true, say: (detail) => `The role was changed to “${detail}”` },
  name_changed: { icon: 'person', say: () => 'The name was changed' },
};

/** Who it was, where that is neither the owner nor unknown. */
const ACTORS: Record<Activity['actor'], string> = {
  owner: '',
  unknown: '',
  staff: 'by the staff of this installation',
  operator: 'by the operator, on the server',
};

/** Puts a line of the trail into words. An action that a newer server knows alone is shown by its name. */
export function describeActivity({ action, actor, device, address, detail }: Activity): ActivityLine {
  const words: Words = Object.hasOwn(WORDS, action)
    ? WORDS[action]
    : { icon: 'dash', say: () => action.replaceAll('_', ' ') };
  const inSentence = Boolean(words.fromDevice && device);
  return {
    icon: words.icon,
    striking: words.striking ?? false,
    what: words.say(detail ?? '') + (inSentence ? ` from ${device}` : ''),
    from: [ACTORS[actor], inSentence ? null : device, address].filter((part): part is string => Boolean(part)),
  };
}
