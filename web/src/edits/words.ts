import type { Edit, Edits } from '../api/types';
import { inPixels } from './cropping';
import { type Box, customSlots, type Point, PLAIN, sameBox, type Size, WHOLE } from './model';

/** Says in a few words what is done to a picture: “Cropped, turned, 2 places of their own”. */
export function editsWords(edits: Edits): string {
  const custom = customSlots(edits).length;
  const words = [
    ...editWords(edits.base),
    ...(custom === 0 ? [] : [custom === 1 ? 'one place of its own' : `${custom} places of their own`]),
  ];
  const sentence = words.join(', ') || 'as uploaded';
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function editWords(edit: Edit): string[] {
  const done: [boolean, string][] = [
    [edit.crop !== null && !sameBox(edit.crop, WHOLE), 'cropped'],
    [edit.quarter_turns !== PLAIN.quarter_turns, 'turned'],
    [edit.mirrored, 'mirrored'],
    [edit.focus !== null, 'focus point set'],
    [edit.background !== null, 'background chosen'],
  ];
  return done.filter(([isDone]) => isDone).map(([, word]) => word);
}

/** Says which part a crop is, for those who hear it. `size` is that of the turned picture. */
export function cropWords(crop: Box, size: Size): string {
  if (sameBox(crop, WHOLE)) return 'All of the picture';
  const { x, y, width, height } = inPixels(crop, size);
  return `${width} by ${height} pixels, ${x} from the left, ${y} from the top`;
}

/** Says where a point is. */
export function pointWords({ x, y }: Point): string {
  return `${Math.round(x * 100)} % from the left, ${Math.round(y * 100)} % from the top`;
}
