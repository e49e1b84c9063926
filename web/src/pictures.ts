import type { Image } from './api/types';

/** What a picture is called. */
export function nameOf(image: Pick<Image, 'title' | 'file_name'>): string {
  return image.title || image.file_name || 'Picture';
}
