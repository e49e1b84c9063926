import type { Frame, Image } from './api/types';

/** Says in a few words why a version shows the part that it shows. `faces` is how many were found. */
export function frameReason(frame: Frame, faces: number): string {
  switch (frame.reason) {
    case 'whole':
      return 'All of the picture';
    case 'crop':
      return 'Cut as you chose';
    case 'focus':
      return 'Framed around the point that you chose';
    case 'faces':
      return faces > 1 ? 'Framed around the faces' : 'Framed around the face';
    case 'saliency':
      return 'Framed around what stands out';
    default:
      return 'The middle: nothing stands out';
  }
}

/** Says what a version leaves out, in hundredths of the picture's width and height. */
export function cutWords({ left, top, right, bottom }: Frame): string {
  const cuts = [
    [left, 'left'],
    [1 - right, 'right'],
    [top, 'top'],
    [1 - bottom, 'bottom'],
  ] as const;
  const words = cuts.map(([share, side]) => [Math.round(share * 100), side] as const).filter(([share]) => share > 0);
  if (words.length === 0) return 'Nothing is cut off.';
  return `Cut off: ${words.map(([share, side]) => `${share} % at the ${side}`).join(', ')}.`;
}

/** Says how many faces were found. */
export function facesWords(count: number): string {
  if (count === 0) return 'No face was found.';
  return count === 1 ? 'One face was found.' : `${count} faces were found.`;
}

/**
 * Says how a square that is too small for a picture shows its largest face, as CSS places a picture in its box; undefined for the
 * middle, where no face is known.
 */
export function squarePosition({
  width,
  height,
  faces,
}: Pick<Image, 'width' | 'height' | 'faces'>): string | undefined {
  const [face] = faces;
  if (!face) return undefined;
  const side = Math.min(width, height);
  const across = place((face.left + face.right) / 2, side / width);
  const down = place((face.top + face.bottom) / 2, side / height);
  return `${across}% ${down}%`;
}

/** Of all that a box leaves over, the part before it, in hundredths: so that the box has a point in its middle, as far as it can. */
function place(point: number, shown: number): number {
  if (shown >= 1) return 50;
  return Math.round(Math.min(1, Math.max(0, (point - shown / 2) / (1 - shown))) * 100);
}
