import type { CSSProperties } from 'react';
import type { Edit } from '../api/types';
import type { Size } from '../edits/model';
import { BlobPicture } from './blob-picture';

interface TurnedPictureProps {
  /** The upright picture with nothing done to it. */
  file: Blob;
  /** Its size in pixels. */
  upright: Size;
  edit: Edit;
}

/** Fills a box of the turned picture's shape with the whole picture, turned and mirrored as an edit wants it. The server is not asked. */
export function TurnedPicture({ file, upright, edit }: TurnedPictureProps) {
  return <BlobPicture className="turned-picture" file={file} alt="" draggable={false} style={turning(edit, upright)} />;
}

/** First turned, then mirrored, as the server does it: CSS reads the last word first. */
function turning({ quarter_turns, mirrored }: Edit, { width, height }: Size): CSSProperties {
  const lies = quarter_turns % 2 === 1;
  return {
    // The box has the turned picture's shape, so a lying picture is as wide as the box is high.
    width: lies ? `${(width / height) * 100}%` : '100%',
    height: lies ? `${(height / width) * 100}%` : '100%',
    transform: `translate(-50%, -50%) scaleX(${mirrored ? -1 : 1}) rotate(${quarter_turns * 90}deg)`,
  };
}
