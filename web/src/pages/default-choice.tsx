import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { imageQuery } from '../api/queries';
import type { Image, Platform, SlotName } from '../api/types';
import { Button } from '../components/button';
import { Chip } from '../components/chip';
import { Icon } from '../components/icon';
import { PictureThumb } from '../components/picture-tile';
import { IMAGE_LOOKS, SLOT_NAMES } from '../components/states';
import { type Applied, appliesOn, appliesTo, chosenAt, choose, type Defaults, type Scope } from '../defaults';
import { nameOf } from '../pictures';
import { PicturePicker } from './picture-picker';

/** Changes the defaults to what a function makes of the present ones. */
export type ChangeDefaults = (changed: (present: Defaults) => Defaults) => void;

interface ChoiceProps {
  defaults: Defaults;
  slot: SlotName;
  scope: Scope;
  /** The connection's platform, whose choice applies where it has none of its own. */
  platform?: Platform;
  /** For names: “everywhere”, “on X”. */
  where: string;
  onChange: ChangeDefaults;
}

/** Which picture applies at one place, from where, and the way to change it. */
export function Choice({ defaults, slot, scope, platform, where, onChange }: ChoiceProps) {
  const [picking, setPicking] = useState(false);
  const change = useRef<HTMLButtonElement>(null);
  const cache = useQueryClient();
  const chosen = defaults[slot];
  const own = chosenAt(chosen, scope);
  const applied = appliedAt(defaults, slot, scope, platform);
  const { data: image, isError } = useQuery({ ...imageQuery(applied?.imageId ?? ''), enabled: applied !== null });
  const from = source(applied, scope, platform);
  const set = (imageId: string | null) => onChange((present) => choose(present, slot, scope, imageId));
  return (
    <li className="choice">
      <span className="choice-thumb">
        {image && applied ? (
          <PictureThumb image={image} alt="" />
        ) : (
          <span className="thumb thumb-empty">
            <Icon name={isError ? 'warning' : 'dash'} size={24} />
          </span>
        )}
      </span>
      <div className="stack-tight grow">
        <p>
          <strong>{SLOT_NAMES[slot]}</strong>{' '}
          {own && scope.kind !== 'everywhere' && <Chip tone="busy" icon="pencil" label="Custom" />}
        </p>
        <p className="small quiet">
          {applied && image && <PictureLink image={image} />}
          {applied && image && from && ' · '}
          {from}
        </p>
        <div className="row">
          <Button
            ref={change}
            onClick={() => setPicking(true)}
            aria-label={`${own ? 'Change the' : applied ? 'Choose another' : 'Choose the'} ${slot} ${where}`}
          >
            {own ? 'Change' : applied ? 'Choose another' : 'Choose'}
          </Button>
          {own && (
            <Button
              kind="ghost"
              onClick={() => {
                set(null);
                // The button is gone in a moment, and the focus would go with it.
                change.current?.focus();
              }}
              aria-label={`${scope.kind === 'everywhere' ? 'No' : 'Reset the'} ${slot} ${where}`}
            >
              {scope.kind === 'everywhere' ? 'None' : 'Reset'}
            </Button>
          )}
        </div>
      </div>
      <PicturePicker
        title={`${SLOT_NAMES[slot]} ${where}`}
        open={picking}
        onClose={() => setPicking(false)}
        onPick={(picked) => {
          cache.setQueryData(imageQuery(picked.id).queryKey, picked);
          setPicking(false);
          set(picked.id);
        }}
      />
    </li>
  );
}

function PictureLink({ image }: { image: Image }) {
  return (
    <>
      <Link to="/library/$imageId" params={{ imageId: image.id }}>
        {nameOf(image)}
      </Link>
      {image.state !== 'ready' && ` (${IMAGE_LOOKS[image.state].label.toLowerCase()})`}
    </>
  );
}

function appliedAt(defaults: Defaults, slot: SlotName, scope: Scope, platform?: Platform): Applied | null {
  const chosen = defaults[slot];
  if (scope.kind === 'connection') return appliesTo(chosen, { id: scope.id, platform: platform?.id ?? '' });
  if (scope.kind === 'platform') return appliesOn(chosen, scope.id);
  return chosen.everywhere ? { imageId: chosen.everywhere, from: 'everywhere' } : null;
}

/** Whose choice it is, where it is not this place's own. */
function source(applied: Applied | null, scope: Scope, platform?: Platform): string {
  if (!applied) return scope.kind === 'everywhere' ? 'None chosen' : 'Same as everywhere: none chosen';
  if (applied.from === scope.kind) return '';
  return applied.from === 'platform' ? `Same as on all of ${platform?.name ?? 'the platform'}` : 'Same as everywhere';
}
