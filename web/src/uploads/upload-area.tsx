import { useEffect, useId, useState } from 'react';
import { buttonClass } from '../components/button';
import { Icon } from '../components/icon';
import { ACCEPTED } from './accepted';
import { FromAccount } from './from-account';
import { FromWeb } from './from-web';
import { uploads } from './queue';

/** Takes pictures in: dropped here, pasted anywhere on the page, or picked (on a phone, also from the camera). */
export function UploadArea() {
  const inputId = useId();
  const [over, setOver] = useState(false);

  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = event.clipboardData?.files;
      if (files?.length) uploads.add(files);
    };
    document.addEventListener('paste', paste);
    return () => document.removeEventListener('paste', paste);
  }, []);

  return (
    // The drop is a shortcut; the button inside does the same for the keyboard and the screen reader.
    <section
      className="drop"
      data-over={over || undefined}
      aria-label="Add pictures"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        uploads.add(event.dataTransfer.files);
      }}
    >
      <Icon name="upload" size={28} />
      <p>
        <strong>Drop pictures here</strong>, or paste them
      </p>
      <input
        className="unseen"
        id={inputId}
        type="file"
        accept={ACCEPTED}
        multiple
        onChange={(event) => {
          uploads.add(event.target.files ?? []);
          event.target.value = '';
        }}
      />
      <label className={buttonClass('main')} htmlFor={inputId}>
        Choose pictures
      </label>
      <div className="row drop-others">
        <FromWeb />
        <FromAccount />
      </div>
      <p className="small quiet">
        An avatar or a banner, as large as you have it: JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP. The original is
        never changed.
      </p>
    </section>
  );
}
