import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useTopic } from '../api/live';
import { useDoor } from '../api/session-gate';
import type { Overview } from '../api/shapes/overview';
import { useKeep } from '../api/use-api';
import { SignInAgain } from '../pages/sign-in/sign-in-page';
import { Bands } from './bands';
import { Nav } from './nav';
import { chooseCompact, isCompact, KeyList, Settings } from './settings';
import styles from './shell.module.css';
import { Tabs } from './tabs';
import { TopBar } from './top-bar';
import { usePageKeys } from './use-page-keys';

/** What is around every page. */
export function Shell({ children }: { children: React.ReactNode }) {
  const keep = useKeep();
  // Always listened to: the count of cases, the seal and the pulse are on every page.
  useTopic<Overview>('overview', (overview) => keep('overview', overview));
  const [open, setOpen] = useState<'settings' | 'keys' | null>(null);
  usePageKeys(() => setOpen('keys'));
  useEffect(() => chooseCompact(isCompact()), []);
  const { gate } = useDoor();
  const close = (): void => setOpen(null);
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip to the content
      </a>
      <Nav onSettings={() => setOpen('settings')} />
      <div className={styles.right}>
        <TopBar />
        <Bands />
        <Main>{children}</Main>
      </div>
      <Tabs onSettings={() => setOpen('settings')} />
      <Settings open={open === 'settings'} onClose={close} onKeys={() => setOpen('keys')} />
      <KeyList open={open === 'keys'} onClose={close} />
      {gate.phase === 'in' && gate.ended && <SignInAgain />}
    </div>
  );
}

/** Another page begins at its top, and for a screen reader at its beginning. */
function Main({ children }: { children: React.ReactNode }) {
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(location);
  useEffect(() => {
    if (shown.current === location) return;
    shown.current = location;
    if (window.location.hash !== '') return;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [location]);
  return (
    <main id="content" ref={main} className={styles.main} tabIndex={-1}>
      {children}
    </main>
  );
}
