import type { Connection } from '../api/types';
import { Face } from '../components/face';
import { usePlatforms } from '../platforms';

/** An account's banner and avatar as they were last seen, the one over the other as platforms show them. */
export function AccountPictures({ connection }: { connection: Connection }) {
  const platform = usePlatforms().named(connection.platform);
  const seen = (slot: string) => connection.slots.find((one) => one.slot === slot)?.observed?.picture_url;
  const banner = seen('banner');
  return (
    <div>
      <div className="account-banner" data-empty={!banner || undefined}>
        {banner && <img src={banner} alt={`Banner of ${connection.remote_handle}`} loading="lazy" />}
      </div>
      <div className="account-head">
        <Face picture={seen('avatar')} platform={platform} />
      </div>
    </div>
  );
}
