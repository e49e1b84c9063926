import { Link } from '@tanstack/react-router';
import { useState, useSyncExternalStore } from 'react';
import type { Image } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Icon } from '../components/icon';
import { formatBytes } from '../format';
import { nameOf } from '../pictures';
import { kindOf } from './accepted';
import { type Upload, uploads } from './queue';

/** The uploads under way and those that wait for a word; nothing when there are none. */
export function UploadList() {
  const list = useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  if (list.length === 0) return null;
  return (
    <ul className="stack" aria-label="Uploads">
      {list.map((upload) => (
        <UploadRow key={upload.id} upload={upload} />
      ))}
    </ul>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const failed = upload.state === 'failed';
  if (upload.known) return <KnownRow upload={upload} known={upload.known} />;
  return (
    <li className={`upload card ${failed ? 'upload-failed' : ''}`}>
      <Preview upload={upload} />
      <div className="stack-tight grow">
        <p>
          <strong>{upload.fileName}</strong> <span className="small quiet">{formatBytes(upload.bytes)}</span>
        </p>
        {failed ? (
          <p className="upload-problem" role="alert">
            <Icon name="warning" size={16} />
            <span>{upload.problem?.detail}</span>
          </p>
        ) : (
          <>
            <progress value={upload.share} aria-label={`Sending ${upload.fileName}`} />
            <p className="small quiet figures">{progressText(upload)}</p>
          </>
        )}
        {failed && upload.problem?.reference && (
          <p className="small quiet">
            Reference: <code>{upload.problem.reference}</code>
          </p>
        )}
      </div>
      <div className="row">
        {failed && upload.problem?.passing && (
          <Button icon="sync" onClick={() => uploads.retry(upload.id)}>
            Try again
          </Button>
        )}
        <Button icon="cross" onClick={() => uploads.remove(upload.id)} aria-label={removeLabel(upload)}>
          {failed ? 'Dismiss' : 'Cancel'}
        </Button>
      </div>
    </li>
  );
}

/** A file that the library has already: its owner says whether it shall be there twice. */
function KnownRow({ upload, known }: { upload: Upload; known: Image }) {
  return (
    <li className="upload card">
      <Preview upload={upload} />
      <p className="grow" role="alert">
        <strong>{upload.fileName}</strong>: you have this picture already
        {known.title && known.title !== upload.fileName && <>, as “{nameOf(known)}”</>}.
      </p>
      <div className="row">
        <Link
          className={buttonClass('main')}
          to="/library/$imageId"
          params={{ imageId: known.id }}
          onClick={() => uploads.remove(upload.id)}
        >
          Open it
        </Link>
        <Button icon="upload" onClick={() => uploads.sendAnyway(upload.id)}>
          Upload anyway
        </Button>
        <Button icon="cross" onClick={() => uploads.remove(upload.id)} aria-label={`Dismiss ${upload.fileName}`}>
          Dismiss
        </Button>
      </div>
    </li>
  );
}

/** The picked file where the browser can show it; else what kind it is, as HEIC and TIFF are in most. */
function Preview({ upload: { preview, fileName } }: { upload: Upload }) {
  const [shown, setShown] = useState(false);
  return (
    <span className="upload-thumb">
      {!shown && (
        <span className="upload-kind" aria-hidden="true">
          {kindOf(fileName) || <Icon name="library" size={24} />}
        </span>
      )}
      {/* Seen once it is read: one that cannot be read is never seen as broken. */}
      {preview && <img src={preview} alt="" hidden={!shown} onLoad={() => setShown(true)} />}
    </span>
  );
}

function removeLabel(upload: Upload): string {
  return upload.state === 'failed' ? `Dismiss ${upload.fileName}` : `Cancel ${upload.fileName}`;
}

function progressText(upload: Upload): string {
  if (upload.state === 'waiting') return 'Waits for its turn';
  if (upload.share === 0) return 'Getting ready';
  return upload.share < 1 ? `${Math.round(upload.share * 100)} % sent` : 'Sent; the server is looking at it';
}
