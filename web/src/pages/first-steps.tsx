import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Connection, Image, Sync } from '../api/types';
import { Button, buttonClass } from '../components/button';
import { Icon } from '../components/icon';
import { rememberSet } from '../remember';
import { UploadArea } from '../uploads/upload-area';

interface FirstStepsProps {
  userId: string;
  images: Image[];
  connections: Connection[];
  syncs: Sync[];
}

interface Step {
  id: string;
  title: string;
  done: boolean;
  body: React.ReactNode;
}

/**
 * The way from an empty account to a picture that is verified everywhere.
 *
 * How far one has come is read off what the account holds, so that it is the same on every device; only what was
 * skipped is remembered in the browser.
 */
export function FirstSteps({ userId, images, connections, syncs }: FirstStepsProps) {
  const memory = rememberSet(`first-steps ${userId}`);
  const [skipped, setSkipped] = useState(memory.read);
  const skip = (ids: string[]) => setSkipped(memory.add(ids));

  const picture = images.find((image) => image.state === 'ready');
  const steps: Step[] = [
    {
      id: 'upload',
      title: 'Add a picture',
      done: images.length > 0,
      body: <UploadArea />,
    },
    {
      id: 'connect',
      title: 'Connect an account',
      done: connections.length > 0,
      body: (
        <>
          <p>The platform asks whether you allow it. You see at once what the account shows now.</p>
          <Link to="/connections" className={buttonClass('main')}>
            Choose a platform
          </Link>
        </>
      ),
    },
    {
      id: 'sync',
      title: 'Send it out',
      done: syncs.length > 0,
      body: (
        <>
          <p>Look at what every platform gets, try a dry run, then press Sync.</p>
          {picture ? (
            <Link to="/library/$imageId" params={{ imageId: picture.id }} className={buttonClass('main')}>
              Go to your picture
            </Link>
          ) : (
            <p className="quiet">Your picture is being prepared.</p>
          )}
        </>
      ),
    },
    {
      id: 'verified',
      title: 'See that it arrived',
      done: syncs.some((sync) => sync.targets.some((target) => target.state === 'verified')),
      body: (
        <>
          <p>We look again at each account and compare what it shows.</p>
          {syncs[0] && (
            <Link to="/syncs/$syncId" params={{ syncId: syncs[0].id }} className={buttonClass('main')}>
              Watch the latest sync
            </Link>
          )}
        </>
      ),
    },
  ];

  const current = steps.find((step) => !step.done && !skipped.has(step.id));
  if (!current) return null;
  return (
    <section className="card card-roomy stack" aria-labelledby="first-steps">
      <div className="row row-between">
        <h2 id="first-steps">Your first five minutes</h2>
        <Button kind="ghost" onClick={() => skip(steps.map((step) => step.id))}>
          Skip all
        </Button>
      </div>
      <ol className="first-steps">
        {steps.map((step, index) => (
          <li key={step.id} data-state={step.done ? 'done' : step === current ? 'current' : undefined}>
            <span className="first-steps-number" aria-hidden="true">
              {step.done ? <Icon name="check" size={16} /> : index + 1}
            </span>
            <div className="stack" aria-current={step === current ? 'step' : undefined}>
              <h3>
                {step.title}
                {step.done && <span className="unseen"> (done)</span>}
              </h3>
              {step === current && (
                <div className="stack first-steps-body">
                  {step.body}
                  <Button kind="ghost" onClick={() => skip([step.id])}>
                    Skip this step
                  </Button>
                </div>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
