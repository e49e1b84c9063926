import { Link } from '@tanstack/react-router';
import { Button } from '../components/button';
import { Icon } from '../components/icon';
import { Page } from '../components/page';

interface CheckMailProps {
  email: string;
  /** What to do with the letter. */
  children: React.ReactNode;
  onStartAgain: () => void;
}

/** Says that a letter is on its way. It looks the same for every address, known here or not. */
export function CheckMail({ email, children, onStartAgain }: CheckMailProps) {
  return (
    <Page title="Check your mail">
      <p className="row">
        <Icon name="mail" />
        <span className="grow">
          We have sent a letter to <strong>{email}</strong>.
        </span>
      </p>
      {children}
      <p className="small quiet">
        Nothing there after a few minutes? Look into the folder for spam. We send at most three letters an hour to an
        address.
      </p>
      <div className="stack-tight">
        <Button onClick={onStartAgain}>Wrong address? Start again</Button>
      </div>
      <p>
        <Link to="/login" state={{ email }}>
          Log in
        </Link>
      </p>
    </Page>
  );
}
