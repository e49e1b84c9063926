import { expect, test } from 'vitest';
import type { Connection } from './api/types';
import { afterChange, caredFor } from './care';

const slot = (name: string, mode: string): Connection['slots'][number] => ({
  slot: name,
  mode,
  observed: null,
  max_bytes: 1,
  formats: [],
  alt_text_max: 0,
  notice: null,
  on_difference: 'ask',
});

const connection: Connection = {
  id: 'c',
  platform: 'p',
  instance: null,
  server_software: null,
  remote_id: 'r',
  remote_handle: '@ada',
  remote_url: null,
  state: 'healthy',
  reason: null,
  slots: [slot('avatar', 'write'), slot('banner', 'read_only')],
  created_at: '2026-11-21T12:00:00Z',
  checked_at: null,
  schedule: { follow_defaults: false, check_every: 'day', time_zone: 'UTC', next_check_at: '2026-11-22T00:00:00Z' },
  expires_at: null,
  unreachable_since: null,
  leaving: false,
  waiting_targets: 0,
};

test('what a change does not name stays as it is', () => {
  const after = afterChange(connection, { follow_defaults: true });
  expect(after.schedule).toEqual({ ...connection.schedule, follow_defaults: true });
  expect(after.slots).toEqual(connection.slots);
});

test('when it is looked at next is not guessed', () => {
  const after = afterChange(connection, { check_every: 'week', time_zone: 'Europe/Berlin' });
  expect(after.schedule).toEqual({
    follow_defaults: false,
    check_every: 'week',
    time_zone: 'Europe/Berlin',
    next_check_at: null,
  });
});

test('places are looked after each in its own way', () => {
  const after = afterChange(connection, { on_difference: { banner: 'leave' } });
  expect(after.slots.map((one) => one.on_difference)).toEqual(['ask', 'leave']);
  expect(after.schedule).toEqual(connection.schedule);
});

test('only places that pictures are brought to are looked after', () => {
  expect(caredFor(connection).map((one) => one.slot)).toEqual(['avatar']);
});
