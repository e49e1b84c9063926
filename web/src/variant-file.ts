import type { Variant } from './api/types';
import { formatMediaType } from './format';

/** What a version is called on the disk of whoever saves it: where it belongs, such as `x-avatar.jpeg`. */
export function fileName(variant: Variant): string {
  return `${variant.key.replaceAll('.', '-')}.${formatMediaType(variant.content_type).toLowerCase()}`;
}
