import { wrongAddress } from '../public-address';
import { Icon } from './icon';

/** Says so where the browser is at another address than the installation's own, and what to do, instead of a log-in that cannot last. */
export function WrongAddressNote({ publicUrl }: { publicUrl: string }) {
  const wrong = wrongAddress(publicUrl, location.href);
  if (!wrong) return null;
  return (
    <div className="note note-warn" role="alert">
      <Icon name="warning" />
      <div className="stack-tight grow">
        <p>
          <strong>Signing in cannot work at this address.</strong> This installation’s own is{' '}
          <a href={wrong.right}>{new URL(wrong.right).origin}</a>.
        </p>
        <p className="small">
          {wrong.bothLocal ? (
            'Both names mean this machine, but browsers take them for two sites. Follow the link above.'
          ) : (
            <>
              If <code>{wrong.here}</code> is right, whoever runs this installation has to set{' '}
              <code>LINKAROOIE_PUBLIC_URL</code> to it and start the services anew.
            </>
          )}
        </p>
      </div>
    </div>
  );
}
