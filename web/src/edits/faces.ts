import type { Edit, Image, Revision } from '../api/types';
import type { Box } from './model';
import { seenBox, uprightBox } from './turning';

/**
 * The faces in a picture as an edit turns it. They are known of the revision that was made last, as what is done everywhere turns it;
 * of another revision nothing is known.
 */
export function facesIn(
  image: Pick<Image, 'state' | 'revision' | 'faces'>,
  { number, base }: Pick<Revision, 'number' | 'base'>,
  edit: Edit,
): Box[] {
  if (image.state !== 'ready' || image.revision !== number) return [];
  return image.faces.map((face) => seenBox(uprightBox(face, base), edit));
}
