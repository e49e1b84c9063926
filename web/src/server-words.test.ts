import { expect, test } from 'vitest';
import { serverWords } from './server-words';

const slot = (name: string, max_bytes: number, mode = 'write') => ({ slot: name, mode, max_bytes });

test('a server that takes the same everywhere is said in one figure', () => {
  const slots = [slot('avatar', 2_000_000), slot('banner', 2_000_000)];
  expect(serverWords({ server_software: 'Mastodon 4.6.1', slots })).toBe('Mastodon 4.6.1, takes pictures up to 2 MB');
});

test('places that differ are named', () => {
  const slots = [slot('avatar', 100_000), slot('banner', 200_000)];
  expect(serverWords({ server_software: 'Akkoma 3.10.4', slots })).toBe(
    'Akkoma 3.10.4, takes avatars up to 100 kB, banners up to 200 kB',
  );
});

test('a place that a server does not have is said', () => {
  const slots = [slot('avatar', 2_000_000), slot('banner', 2_000_000, 'none')];
  expect(serverWords({ server_software: 'Pixelfed 0.12.3', slots })).toBe(
    'Pixelfed 0.12.3, takes avatars up to 2 MB, no banners',
  );
});

test('of a server that has not told nothing is said', () => {
  expect(serverWords({ server_software: null, slots: [] })).toBeNull();
});
