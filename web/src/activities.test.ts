import { describe, expect, it } from 'vitest';
import { describeActivity } from './activities';
import type { Activity } from './api/types';

const line = (parts: Partial<Activity>) =>
  describeActivity({
    id: '1',
    at: '2026-11-22T10:00:00Z',
    action: 'signed_in',
    actor: 'owner',
    device: 'Firefox on Linux',
    address: '192.0.2.7',
    detail: null,
    ...parts,
  });

describe('a line of the security activity', () => {
  it('says from what somebody signed in', () => {
    expect(line({ detail: 'password' })).toMatchObject({
      what: 'Signed in from Firefox on Linux',
      from: ['192.0.2.7'],
      striking: false,
    });
    expect(line({ detail: 'GitHub' }).what).toBe('Signed in with GitHub from Firefox on Linux');
  });

  it('marks what may not have been the owner', () => {
    expect(line({ action: 'signed_in_new_device', detail: 'password' })).toMatchObject({
      what: 'Signed in for the first time from Firefox on Linux',
      striking: true,
    });
    expect(line({ action: 'sign_in_failed', actor: 'unknown' }).striking).toBe(true);
  });

  it('names what it is about, and the device beside it', () => {
    expect(line({ action: 'api_key_revoked', detail: 'Backup' })).toMatchObject({
      what: 'The API key “Backup” was revoked',
      from: ['Firefox on Linux', '192.0.2.7'],
    });
  });

  it('says so when it was not the owner', () => {
    expect(line({ action: 'looked_up', actor: 'staff', device: null, address: null }).from).toEqual([
      'by the staff of this installation',
    ]);
  });

  it('gets along without a device and an address', () => {
    expect(line({ device: null, address: null })).toMatchObject({ what: 'Signed in', from: [] });
  });

  it('shows what it does not know yet by its name', () => {
    expect(line({ action: 'factor_added' as Activity['action'] }).what).toBe('factor added');
  });
});
