import { Badge } from './badge';
import { Icon } from './icon';

interface FaceProps {
  /** What the account shows now, if anything. */
  picture: string | null | undefined;
  platform: { id: string; name: string };
}

/** An account's picture with its platform's sign at the corner. The account's name stands beside it. */
export function Face({ picture, platform }: FaceProps) {
  return (
    <span className="face">
      {picture ? (
        <img src={picture} alt="" loading="lazy" />
      ) : (
        <span className="face-empty">
          <Icon name="person" size={24} />
        </span>
      )}
      <Badge id={platform.id} name={platform.name} />
    </span>
  );
}
