import type { components } from './schema';

type Schemas = components['schemas'];

export type Image = Schemas['Image'];
export type Library = Schemas['Library'];
export type Purged = Schemas['Purged'];
export type Uses = Schemas['Uses'];
export type AvatarSettings = Schemas['AvatarSettings'];
export type AvatarSettingsChange = Schemas['AvatarSettingsChange'];
export type Thumbnail = Schemas['Thumbnail'];
export type Variant = Schemas['Variant'];
export type Note = Schemas['Note'];
export type Frame = Schemas['Frame'];
/** With all that the server may leave out said. */
export type Edit = Required<Schemas['Edit']>;
export interface Edits {
  base: Edit;
  /** What is done in single slots instead, by the slot's key. */
  overrides: Record<string, Edit>;
}
export type Revision = Omit<Schemas['Revision'], keyof Edits> & Edits;
export type Platform = Schemas['Platform'];
export type PlatformSlot = Schemas['PlatformSlot'];
export type SafeZone = Schemas['SafeZone'];
export type Connection = Schemas['Connection'];
export type CheckEvery = Connection['schedule']['check_every'];
export type OnDifference = Connection['slots'][number]['on_difference'];
export type Snapshot = Schemas['Snapshot'];
export type ConnectionChoice = Schemas['ConnectionChoice'];
export type OfferedAccount = Schemas['OfferedAccount'];
export type Reason = Schemas['Reason'];
export type Sync = Schemas['Sync'];
export type NewSync = Schemas['NewSync'];
export type SlotName = NewSync['slot'];
export type Target = Schemas['Target'];
export type TargetState = Target['state'];
export type Step = Schemas['Step'];
export type Notice = Schemas['Notice'];
export type Profile = Schemas['Profile'];
export type ProfileChange = Schemas['ProfileChange'];
export type Overview = Schemas['Overview'];
export type TimeSeries = Schemas['TimeSeries'];
export type LiveUpdate = Schemas['LiveUpdate'];
export type User = Schemas['User'];
export type Role = User['role'];
export type SignInProvider = Schemas['SignInProvider'];
export type Session = Schemas['Session'];
export type Identity = Schemas['Identity'];
export type ApiKey = Schemas['ApiKey'];
export type Scope = Schemas['NewApiKey']['scopes'][number];
export type Activity = Schemas['Activity'];
export type Account = Schemas['Account'];
