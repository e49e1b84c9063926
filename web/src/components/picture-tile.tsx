import { Link } from '@tanstack/react-router';
import type { Image } from '../api/types';
import { useDefaultSlots } from '../defaults-of';
import { formatPixels } from '../format';
import { squarePosition } from '../frames';
import { nameOf } from '../pictures';
import { Chip } from './chip';
import { Icon } from './icon';
import { Photo } from './photo';
import { IMAGE_LOOKS, SLOT_NAMES } from './states';

/** A picture of the library, which leads to its page. */
export function PictureTile({ image }: { image: Image }) {
  return (
    <Link className="tile" to="/library/$imageId" params={{ imageId: image.id }}>
      <PictureThumb image={image} alt="" />
      <span className="tile-text">
        <span className="tile-name">{nameOf(image)}</span>
        <span className="small quiet figures">{formatPixels(image.width, image.height)}</span>
        <Badges image={image} />
      </span>
    </Link>
  );
}

/** What is worth knowing of a picture at a glance. */
function Badges({ image }: { image: Image }) {
  const slots = useDefaultSlots(image.id);
  return (
    <span className="row badges">
      {image.state !== 'ready' && <Chip {...IMAGE_LOOKS[image.state]} />}
      {slots.map((slot) => (
        <Chip key={slot} tone="good" icon="star" label={SLOT_NAMES[slot] ?? slot} />
      ))}
      {image.edited && <Chip tone="idle" icon="pencil" label="Edited" />}
      {image.published && <Chip tone="busy" icon="globe" label="Published" />}
    </span>
  );
}

/** Points that a square takes at most, as a rule. */
const SQUARE = 200;

/** A picture as a square; described by its own text unless its name stands beside it. */
export function PictureThumb({ image, alt = image.alt_text }: { image: Image; alt?: string }) {
  // The square is filled by the shorter side, so the longer one is larger than the square.
  const side = (SQUARE * Math.max(image.width, image.height)) / Math.min(image.width, image.height);
  const otherwise = (
    <span className="thumb-empty">
      {image.state === 'processing' ? (
        <span className="spinner" aria-hidden="true" />
      ) : (
        <Icon name={image.state === 'failed' ? 'warning' : 'library'} size={24} />
      )}
    </span>
  );
  return (
    <span className="thumb">
      {/* Faces are told in the whole picture, and what is edited may show a part of it. */}
      <Photo
        image={image}
        side={side}
        alt={alt}
        position={image.edited ? undefined : squarePosition(image)}
        otherwise={otherwise}
      />
    </span>
  );
}
