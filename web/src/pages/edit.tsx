import { useSuspenseQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { editsQuery } from '../api/edits';
import { imageQuery } from '../api/queries';
import { buttonClass } from '../components/button';
import { Page } from '../components/page';
import { PictureEditor } from '../editor/editor';
import { nameOf } from '../pictures';

const route = getRouteApi('/signed-in/library/$imageId/edit');

export function EditPage() {
  const { imageId } = route.useParams();
  const { slot } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: image } = useSuspenseQuery(imageQuery(imageId));
  const { data: present } = useSuspenseQuery(editsQuery(imageId));
  return (
    <Page
      title={`Edit ${nameOf(image)}`}
      lead="The original stays as it is: whatever you do here can be undone, today or in a year."
      actions={
        <Link className={buttonClass()} to="/library/$imageId" params={{ imageId }}>
          Back to the picture
        </Link>
      }
    >
      <PictureEditor
        key={image.id}
        image={image}
        present={present}
        slot={slot}
        onSlot={(chosen) =>
          void navigate({ search: chosen ? { slot: chosen } : {}, replace: true, resetScroll: false })
        }
      />
    </Page>
  );
}
