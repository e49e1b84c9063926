import { Link } from '@tanstack/react-router';
import type { Image } from '../api/types';
import { buttonClass } from '../components/button';
import { Icon } from '../components/icon';

/** The way to the page where a picture is edited; a damaged one has nothing to edit. */
export function EditLink({ image }: { image: Image }) {
  if (image.state === 'failed' || image.deleted_at) return null;
  return (
    <Link className={buttonClass()} to="/library/$imageId/edit" params={{ imageId: image.id }}>
      <Icon name="crop" />
      Edit
    </Link>
  );
}
