import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { editsQuery, uneditedQuery } from '../api/edits';
import type { Frame, Image, Variant } from '../api/types';
import { Photo } from '../components/photo';
import { Segments } from '../components/segments';
import { TurnedPicture } from '../editor/turned-picture';
import { facesIn } from '../edits/faces';
import { editFor, type Size, turnedSize } from '../edits/model';
import { cutWords, facesWords, frameReason } from '../frames';
import { usePlatforms } from '../platforms';

/** The whole picture, with the part that one platform shows of it: drawn, and in words. */
export function FrameView({ image, variants }: { image: Image; variants: Variant[] }) {
  const { named, maskOf } = usePlatforms();
  const [chosen, setChosen] = useState('');
  const framed = variants.filter((variant): variant is Variant & { frame: Frame } => variant.frame !== null);
  const shown = framed.find((variant) => variant.key === chosen) ?? framed[0];
  if (!shown) return null;
  return (
    <section className="card card-roomy stack">
      <h2>What is shown of it</h2>
      {framed.length > 1 && (
        <Segments
          label="Show the part for"
          wrap
          value={shown.key}
          options={framed.map((variant) => [variant.key, named(variant.platform ?? '').name] as const)}
          onChange={setChosen}
        />
      )}
      <figure className="framing">
        {image.edited ? (
          <EditedStage image={image} variant={shown} round={maskOf(shown) === 'circle'} />
        ) : (
          <FramingStage size={image} frame={shown.frame} faces={image.faces} round={maskOf(shown) === 'circle'}>
            <Photo image={image} side={640} alt="" otherwise={null} />
          </FramingStage>
        )}
        <figcaption className="stack-tight" aria-live="polite">
          <p>
            <strong>{named(shown.platform ?? '').name}:</strong> {frameReason(shown.frame, image.faces.length)}.
          </p>
          <p className="small quiet figures">
            {cutWords(shown.frame)}
            {/* Those of a place with an edit of its own are not told. */}
            {(image.faces.length > 0 || !image.edited) && ` ${facesWords(image.faces.length)}`}
          </p>
        </figcaption>
      </figure>
    </section>
  );
}

interface StageProps extends OutlineProps {
  size: Size;
  children: React.ReactNode;
}

/** Its place is kept before the picture is there, and fractions of it are fractions of the picture. */
function FramingStage({ size, children, ...outline }: StageProps) {
  const ratio = size.width / size.height;
  return (
    <div
      className="framing-stage"
      style={{ aspectRatio: `${ratio}`, inlineSize: `min(100%, calc(var(--framing-height) * ${ratio}))` }}
    >
      {children}
      <Outline {...outline} />
    </div>
  );
}

/** The same of a picture to which something is done: thumbnails show what is left of it, so the whole is asked for. */
function EditedStage({ image, variant, round }: { image: Image; variant: Variant & { frame: Frame }; round: boolean }) {
  const edits = useQuery(editsQuery(image.id)).data?.revision;
  const file = useQuery(uneditedQuery(image.id)).data?.file;
  if (!edits || !file) return null;
  const edit = editFor(edits, variant.key);
  return (
    <FramingStage
      size={turnedSize(image, edit)}
      frame={variant.frame}
      faces={facesIn(image, edits, edit)}
      round={round}
    >
      <TurnedPicture file={file} upright={image} edit={edit} />
    </FramingStage>
  );
}

interface OutlineProps {
  frame: Frame;
  faces: Image['faces'];
  /** The place shows a circle. */
  round: boolean;
}

/** Lies over the picture, in fractions of it: what is left out is dimmed, faces and the part that is shown are outlined. */
function Outline({ frame: { left, top, right, bottom }, faces, round }: OutlineProps) {
  const [across, down] = [(right - left) / 2, (bottom - top) / 2];
  const box = `M${left} ${top}H${right}V${bottom}H${left}Z`;
  const circle = `M${left} ${top + down}a${across} ${down} 0 1 0 ${2 * across} 0a${across} ${down} 0 1 0 ${-2 * across} 0Z`;
  return (
    <svg className="framing-lines" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
      <path className="framing-outside" fillRule="evenodd" d={`M0 0H1V1H0Z ${round ? circle : box}`} />
      {faces.map((face) => (
        <rect
          key={`${face.left} ${face.top}`}
          className="framing-face"
          x={face.left}
          y={face.top}
          width={face.right - face.left}
          height={face.bottom - face.top}
        />
      ))}
      <path className="framing-under" d={box} />
      <path className="framing-box" d={box} />
    </svg>
  );
}
