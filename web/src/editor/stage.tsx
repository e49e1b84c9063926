import type { CSSProperties } from 'react';
import type { Edit } from '../api/types';
import type { Limits } from '../edits/cropping';
import { type Box, type Size, WHOLE } from '../edits/model';
import { CropFrame } from './crop-frame';
import { FocusMark } from './focus-mark';
import { TurnedPicture } from './turned-picture';

export type Tool = 'crop' | 'focus';

interface StageProps {
  /** The upright picture with nothing done to it. */
  file: Blob;
  /** Its size in pixels. */
  upright: Size;
  edit: Edit;
  limits: Limits;
  tool: Tool;
  /** Faces in the turned picture. */
  faces: readonly Box[];
  /** What a place shows of it, where one is looked at. */
  shown: Box | null;
  onChange: (edit: Edit, gesture: string) => void;
}

/** The whole picture, turned and mirrored, with what is set on it. Nothing waits for the server here. */
export function Stage({ file, upright, edit, limits, tool, faces, shown, onChange }: StageProps) {
  const crop = edit.crop ?? WHOLE;
  return (
    <div className="edit-stage" style={stageStyle(limits.size)}>
      <div className="edit-picture">
        <TurnedPicture file={file} upright={upright} edit={edit} />
        <Lines crop={crop} faces={faces} shown={shown} />
      </div>
      {tool === 'crop' ? (
        <CropFrame
          crop={crop}
          limits={limits}
          onChange={(next, gesture) => onChange({ ...edit, crop: next }, gesture)}
        />
      ) : (
        <FocusMark
          focus={edit.focus}
          otherwise={{ x: (crop.left + crop.right) / 2, y: (crop.top + crop.bottom) / 2 }}
          onChange={(focus, gesture) => onChange({ ...edit, focus }, gesture)}
        />
      )}
    </div>
  );
}

/** Holds the place of a picture that is still coming. */
export function EmptyStage({ size }: { size: Size }) {
  return (
    <div className="edit-stage" style={stageStyle(size)}>
      <p className="pending">
        <span className="spinner" aria-hidden="true" />
        The picture is coming.
      </p>
    </div>
  );
}

function stageStyle({ width, height }: Size): CSSProperties {
  const ratio = width / height;
  return { aspectRatio: `${ratio}`, inlineSize: `min(100%, calc(var(--edit-height) * ${ratio}))` };
}

interface LinesProps {
  crop: Box;
  faces: readonly Box[];
  shown: Box | null;
}

function Lines({ crop, faces, shown }: LinesProps) {
  return (
    <svg className="framing-lines" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
      <path className="framing-outside" fillRule="evenodd" d={`M0 0H1V1H0Z ${path(crop)}`} />
      {faces.map((face) => (
        <path key={`${face.left} ${face.top}`} className="framing-face" d={path(face)} />
      ))}
      {shown && !isNearly(shown, crop) && (
        <>
          <path className="framing-under" d={path(shown)} />
          <path className="framing-shown" d={path(shown)} />
        </>
      )}
    </svg>
  );
}

/** Two frames as near as this are one for the eye. */
function isNearly(one: Box, other: Box): boolean {
  return (['left', 'top', 'right', 'bottom'] as const).every((side) => Math.abs(one[side] - other[side]) < 0.01);
}

function path({ left, top, right, bottom }: Box): string {
  return `M${left} ${top}H${right}V${bottom}H${left}Z`;
}
