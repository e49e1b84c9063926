import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer, api } from '../api/client';
import { keys } from '../api/keys';
import { connectionsQuery, stepsQuery, syncQuery } from '../api/queries';
import type { Platform, Target, Variant } from '../api/types';
import { Badge } from '../components/badge';
import { Button, buttonClass } from '../components/button';
import { Chip } from '../components/chip';
import { Icon } from '../components/icon';
import { Moment } from '../components/moment';
import { NoteLines } from '../components/note-lines';
import { ProblemNote } from '../components/problem-note';
import { ReasonText } from '../components/reason-text';
import { TARGET_LOOKS } from '../components/states';
import { usePlatforms } from '../platforms';
import { fileName } from '../variant-file';
import { ConnectButton } from './platform-tile';

/** One account of a sync: how far it is, why, the one thing to do about it, and all that happened. */
export function TargetRow({ target, sent }: { target: Target; sent: Variant | undefined }) {
  const platform = usePlatforms().named(target.platform);
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
        <Chip {...TARGET_LOOKS[target.state]} />
      </div>
      <ReasonText reason={target.reason} />
      {/* A platform that takes no descriptions at all was said in the plan. */}
      <NoteLines notes={target.notes.filter(({ code }) => code !== 'ALT_TEXT_NOT_TAKEN')} />
      {target.next_attempt_at && (
        <p className="small quiet">
          Next try <Moment at={target.next_attempt_at} planned />
        </p>
      )}
      <SentAndSeen target={target} sent={sent} />
      <Remedy target={target} sent={sent} />
      <Timeline target={target} />
    </li>
  );
}

/** The picture that is sent beside what the account was last seen to show. */
function SentAndSeen({ target, sent }: { target: Target; sent: Variant | undefined }) {
  const seen = target.observed?.picture_url;
  if (!sent && !seen) return null;
  return (
    <div className={`compare compare-${target.slot}`}>
      {sent && (
        <figure>
          <img src={sent.url} alt="" loading="lazy" />
          <figcaption className="small quiet">Ours</figcaption>
        </figure>
      )}
      {seen && target.observed && (
        <figure>
          <img src={seen} alt="" loading="lazy" />
          <figcaption className="small quiet">
            There, <Moment at={target.observed.at} />
          </figcaption>
        </figure>
      )}
    </div>
  );
}

/** Reasons that connecting the account again does away with. */
const RECONNECT_REASONS = new Set(['AUTH_REVOKED', 'MISSING_PERMISSION']);

/** The one thing that a person can do about a target, if there is any. */
function Remedy({ target, sent }: { target: Target; sent: Variant | undefined }) {
  const { all } = usePlatforms();
  const { data: connections = [] } = useQuery(connectionsQuery);
  const platform = all.find(({ id }) => id === target.platform);
  const connection = connections.find(({ id }) => id === target.connection_id);

  if (target.state === 'needs_you' && target.instructions.length > 0) return <ByHand target={target} sent={sent} />;
  if (platform && (connection?.state === 'needs_reconnect' || RECONNECT_REASONS.has(target.reason?.code ?? ''))) {
    return <ConnectButton platform={platform} instance={connection?.instance ?? ''} label="Reconnect" />;
  }
  const retryable = target.state === 'failed' || target.state === 'differs' || target.state === 'needs_you';
  if (!retryable && !target.reason?.link) return null;
  return (
    <div className="row">
      {retryable && <RetryButton target={target} />}
      {target.reason?.link && <ReasonLink target={target} platform={platform} />}
    </div>
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

/** Puts what the server says of a target now into its sync on the page. */
function useTargetUpdate() {
  const cache = useQueryClient();
  return (changed: Target) => {
    cache.setQueryData(
      syncQuery(changed.sync_id).queryKey,
      (sync) => sync && { ...sync, targets: sync.targets.map((other) => (other.id === changed.id ? changed : other)) },
    );
    void cache.invalidateQueries({ queryKey: keys.syncs });
    void cache.invalidateQueries({ queryKey: keys.steps(changed.id) });
  };
}

function RetryButton({ target }: { target: Target }) {
  const update = useTargetUpdate();
  const retry = useMutation({
    mutationFn: () => answer(api.POST('/v1/targets/{target_id}/retry', { params: { path: { target_id: target.id } } })),
    onSuccess: update,
  });
  return (
    <>
      <Button kind="main" icon="sync" pending={retry.isPending} onClick={() => retry.mutate()}>
        Try again
      </Button>
      {retry.isError && <ProblemNote error={retry.error} />}
    </>
  );
}

/** Leads through setting the picture by hand, where a platform lets nobody else do it. */
function ByHand({ target, sent }: { target: Target; sent: Variant | undefined }) {
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
        {sent && (
          <a className={buttonClass()} href={sent.url} download={fileName(sent)}>
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
            <Chip {...TARGET_LOOKS[step.state]} />
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
