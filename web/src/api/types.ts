import type { components } from './schema';

type Schemas = components['schemas'];

export type Image = Schemas['Image'];
export type Variant = Schemas['Variant'];
export type Platform = Schemas['Platform'];
export type Connection = Schemas['Connection'];
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
