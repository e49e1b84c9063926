import { Link } from '@tanstack/react-router';
import type { Image } from '../api/types';
import { formatPixels } from '../format';
import { squarePosition } from '../frames';
import { Chip } from './chip';
import { Icon } from './icon';
import { Photo } from './photo';
import { IMAGE_LOOKS } from './states';

/** A picture of the library, which leads to its page. */
export function PictureTile({ image }: { image: Image }) {
  return (
    <Link className="tile" to="/library/$imageId" params={{ imageId: image.id }}>
      <PictureThumb image={image} alt="" />
      <span className="tile-text">
        <span className="tile-name">{image.file_name || 'Picture'}</span>
        <span className="small quiet figures">{formatPixels(image.width, image.height)}</span>
        {image.state !== 'ready' && <Chip {...IMAGE_LOOKS[image.state]} />}
      </span>
    </Link>
  );
}

/** A picture as a square; described by its own text unless its name stands beside it. */
export function PictureThumb({ image, alt = image.alt_text }: { image: Image; alt?: string }) {
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
      <Photo image={image} side={320} alt={alt} position={squarePosition(image)} otherwise={otherwise} />
    </span>
  );
}
