import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { connectionsQuery, stepsQuery } from '../api/queries';
import type { Platform, Target, Variant } from '../api/types';
import { Badge } from '../components/badge';
import { Button, buttonClass } from '../components/button';
import { Chip } from '../components/chip';
import { Icon } from '../components/icon';
import { Moment } from '../components/moment';
import { NoteLines } from '../components/note-lines';
import { PlacePicture } from '../components/place-picture';
import { ProblemNote } from '../components/problem-note';
import { ReasonText } from '../components/reason-text';
import { targetLook } from '../components/states';
import { Upcoming } from '../components/upcoming';
import { usePlatforms } from '../platforms';
import { needsReconnect, nextStep, wasChangedThere } from '../targets';
import { fileName } from '../variant-file';
import { ConnectButton } from './platform-tile';
import { PutBackTarget } from './put-back';
import { LeaveButton, RetryButton, TakeTheirs, useTargetUpdate } from './target-actions';

/** One account of a sync: how far it is, why, the one thing to do about it, and all that happened. */
export function TargetRow({ target, sent }: { target: Target; sent: Variant | undefined }) {
  const platform = usePlatforms().named(target.platform);
  const ours = (target.snapshot ? target.snapshot.picture_url : sent?.url) ?? null;
  return (
    <li className="card target" aria-label={`${target.remote_handle}, ${platform.name}`}>
      <div className="row">
        <Badge {...platform} />
        <div className="grow">
          <h2 className="target-name">{target.remote_handle}</h2>
          <p className="small quiet">
            {platform.name}
            {target.updated_at && (
              <>
                , <Moment at={target.updated_at} />
              </>
            )}
          </p>
        </div>
        <Chip {...targetLook(target)} />
      </div>
      <ReasonText reason={target.reason} />
      {/* A platform that takes no descriptions at all was said in the plan. */}
      <NoteLines notes={target.notes.filter(({ code }) => code !== 'ALT_TEXT_NOT_TAKEN')} />
      <SeenAndNext target={target} />
      <SentAndSeen target={target} ours={ours} />
      <Remedy target={target} ours={ours} sent={sent} />
      <PutBackTarget target={target} />
      <Timeline target={target} />
    </li>
  );
}

/** When a verified place was seen, and when anything goes on by itself. */
function SeenAndNext({ target }: { target: Target }) {
  const seen = target.state === 'verified' ? target.observed?.at : null;
  const next = nextStep(target);
  if (!seen && !next) return null;
  return (
    <p className="small quiet">
      {seen && (
        <>
          Seen there <Moment at={seen} />.{' '}
        </>
      )}
      {next && (
        <>
          {next.words} <Upcoming at={next.at} />.
        </>
      )}
    </p>
  );
}

interface OursProps {
  target: Target;
  /** The picture that it brings; null where there is none, as where an empty place is put back. */
  ours: string | null;
}

/** The picture that is sent beside what the account was last seen to show. */
function SentAndSeen({ target, ours }: OursProps) {
  const { observed, snapshot } = target;
  const changed = wasChangedThere(target);
  if (!ours && !snapshot && !observed) return null;
  return (
    <div className={`compare compare-${target.slot} ${changed ? 'compare-large' : ''}`}>
      {(ours || snapshot) && <PlacePicture picture={ours} none caption={changed ? 'What was verified' : 'Ours'} />}
      {observed && (
        <PlacePicture
          picture={observed.picture_url}
          none={observed.url === null}
          caption={
            <>
              {changed ? 'There now' : 'There'}, <Moment at={observed.at} />
            </>
          }
        />
      )}
    </div>
  );
}

/** What a person can do about a target, if there is anything. */
function Remedy({ target, ours, sent }: OursProps & { sent: Variant | undefined }) {
  const { all } = usePlatforms();
  const { data: connections = [] } = useQuery(connectionsQuery);
  const platform = all.find(({ id }) => id === target.platform);
  const connection = connections.find(({ id }) => id === target.connection_id);
  const { state, reason } = target;

  if (state === 'needs_you' && target.instructions.length > 0) {
    return <ByHand target={target} ours={ours} name={sent && fileName(sent)} />;
  }
  if (platform && (connection?.state === 'needs_reconnect' || needsReconnect(target))) {
    return <ConnectButton platform={platform} connection={connection} />;
  }
  // Putting back goes by itself.
  const retryable =
    state === 'failed' || state === 'needs_you' || (state === 'differs' && reason?.code !== 'PUTTING_BACK');
  if (!retryable && !reason?.link) return null;
  return (
    <div className="row">
      {retryable && (wasChangedThere(target) ? <Changed target={target} /> : <RetryButton target={target} />)}
      {reason?.link && <ReasonLink target={target} platform={platform} />}
    </div>
  );
}

/** What can be done about a picture that somebody has changed there. */
function Changed({ target }: { target: Target }) {
  const isLeft = target.reason?.code === 'LEFT_THERE';
  return (
    <>
      <RetryButton target={target} label="Put mine back" kind={isLeft ? 'plain' : 'main'} />
      {!isLeft && <LeaveButton target={target} />}
      {target.observed?.picture_url && <TakeTheirs target={target} />}
    </>
  );
}

function ReasonLink({ target, platform }: { target: Target; platform: Platform | undefined }) {
  const forbidden = target.reason?.action === 'platform_does_not_allow_it';
  return (
    <a className={buttonClass()} href={target.reason?.link ?? undefined} target="_blank" rel="noreferrer">
      <Icon name="external" />
      {forbidden ? 'Learn why' : `Open ${platform?.name ?? target.platform}`}
    </a>
  );
}

/** Leads through setting the picture by hand, where a platform lets nobody else do it. */
function ByHand({ target, ours, name }: OursProps & { name: string | undefined }) {
  const platform = usePlatforms().named(target.platform);
  const update = useTargetUpdate();
  const confirm = useMutation({
    mutationFn: () =>
      answer(api.POST('/v1/targets/{target_id}/confirm', { params: { path: { target_id: target.id } } })),
    onSuccess: update,
  });
  return (
    <div className="stack">
      <ol className="steps" aria-label="By hand">
        {target.instructions.map((instruction) => (
          <li key={instruction}>{instruction}</li>
        ))}
      </ol>
      <div className="row">
        {ours && (
          <a className={buttonClass()} href={ours} download={name ?? ''}>
            <Icon name="download" />
            Download the picture
          </a>
        )}
        {target.reason?.link && (
          <a className={buttonClass()} href={target.reason.link} target="_blank" rel="noreferrer">
            <Icon name="external" />
            Open {platform.name}
          </a>
        )}
        <Button kind="main" icon="check" pending={confirm.isPending} onClick={() => confirm.mutate()}>
          I've done it
        </Button>
      </div>
      {confirm.isError && <ProblemNote error={confirm.error} />}
    </div>
  );
}

function Timeline({ target }: { target: Target }) {
  const [open, setOpen] = useState(false);
  const { data: steps, error, refetch } = useQuery({ ...stepsQuery(target.id), enabled: open });
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Timeline</summary>
      {error && <ProblemNote error={error} onRetry={() => void refetch()} />}
      <ol className="timeline">
        {steps?.map((step) => (
          <li key={`${step.at} ${step.state}`}>
            <Chip {...targetLook(step)} />
            <span className="small quiet">
              <Moment at={step.at} />
            </span>
            <ReasonText reason={step.reason} />
          </li>
        ))}
      </ol>
    </details>
  );
}
