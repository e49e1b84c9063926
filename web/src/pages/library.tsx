import { useSuspenseInfiniteQuery } from '@tanstack/react-query';
import { imagesQuery } from '../api/queries';
import { Empty } from '../components/empty';
import { More } from '../components/more';
import { Page } from '../components/page';
import { PictureTile } from '../components/picture-tile';
import { UploadArea } from '../uploads/upload-area';
import { UploadList } from '../uploads/upload-list';

export function LibraryPage() {
  const query = useSuspenseInfiniteQuery(imagesQuery);
  const images = query.data.pages.flatMap((page) => page.items);
  return (
    <Page title="Library" lead="Your avatars and banners, as you uploaded them and as each platform gets them.">
      <div className="stack">
        <UploadArea />
        <UploadList />
        {images.length === 0 ? (
          <Empty icon="library" title="No pictures yet">
            <p>Add one above. A moment later you see what every platform will get of it.</p>
          </Empty>
        ) : (
          <ul className="tiles tiles-small" aria-label="Pictures">
            {images.map((image) => (
              <li key={image.id}>
                <PictureTile image={image} />
              </li>
            ))}
          </ul>
        )}
        <More query={query} what="pictures" />
      </div>
    </Page>
  );
}
