import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useAuth } from '../api/auth';
import { useTopic } from '../api/live';
import type { Overview } from '../api/openapi';
import { useSetCached } from '../api/use-api';
import { SignInAgain } from '../pages/sign-in/sign-in-page';
import { Nav } from './nav';
import { Notices } from './notices';
import { chooseCompact, isCompact, KeyList, Settings } from './settings';
import { Tabs } from './tabs';
import { TopBar } from './top-bar';
import { usePageKeys } from './use-page-keys';
import styles from './shell.module.css';

/** The app shell around every page. */
export function Shell({ children }: { children: React.ReactNode }) {
  const setCached = useSetCached();
  // Always subscribed: the case count, the seal and the pulse are on every page.
  useTopic<Overview>('overview', (overview) => setCached('overview', overview));
  const [open, setOpen] = useState<'settings' | 'keys' | null>(null);
  usePageKeys(() => setOpen('keys'));
  useEffect(() => chooseCompact(isCompact()), []);
  const { state } = useAuth();
  const close = (): void => setOpen(null);
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip to content
      </a>
      <Nav onSettings={() => setOpen('settings')} />
      <div className={styles.right}>
        <TopBar />
        <Notices />
        <Main>{children}</Main>
      </div>
      <Tabs onSettings={() => setOpen('settings')} />
      <Settings open={open === 'settings'} onClose={close} onKeys={() => setOpen('keys')} />
      <KeyList open={open === 'keys'} onClose={close} />
      {state.phase === 'signed-in' && state.ended && <SignInAgain />}
    </div>
  );
}

/** A new page starts at the top, also for screen readers. */
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
