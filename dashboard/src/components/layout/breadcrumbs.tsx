import { createContext, useContext, useEffect, useMemo, useState } from 'react';

export interface Breadcrumbs {
  /** The current page: "Reservations", or the short id on an object's page. */
  here: React.ReactNode;
  /** As text for the browser tab, when `here` is not plain text. */
  title?: string;
  trail?: readonly { label: string; href: string }[];
  /** False when the page has its own heading, which is then the only `h1`. */
  heading?: boolean;
}

interface BreadcrumbsState {
  breadcrumbs: Breadcrumbs;
  setBreadcrumbs: (breadcrumbs: Breadcrumbs) => void;
}

const BreadcrumbsContext = createContext<BreadcrumbsState | null>(null);

export function BreadcrumbsProvider({ children }: { children: React.ReactNode }) {
  const [breadcrumbs, setBreadcrumbs] = useState<Breadcrumbs>({ here: '' });
  const state = useMemo(() => ({ breadcrumbs, setBreadcrumbs }), [breadcrumbs]);
  return <BreadcrumbsContext value={state}>{children}</BreadcrumbsContext>;
}

function useBreadcrumbsState(): BreadcrumbsState {
  const state = useContext(BreadcrumbsContext);
  if (state === null) throw new Error('Bug: breadcrumbs outside of BreadcrumbsProvider.');
  return state;
}

export const useBreadcrumbs = (): Breadcrumbs => useBreadcrumbsState().breadcrumbs;

/** Sets the breadcrumbs in the top bar and the title of the browser tab. */
export function useSetBreadcrumbs({ here, title, trail, heading }: Breadcrumbs): void {
  const { setBreadcrumbs } = useBreadcrumbsState();
  const name = title ?? (typeof here === 'string' ? here : 'Holdfast');
  const path = trail?.map(({ label, href }) => `${label} ${href}`).join();
  useEffect(() => {
    setBreadcrumbs({ here, trail, heading });
    document.title = `${name} · Holdfast`;
    // The trail is compared by content: pages create it on every rendering.
  }, [setBreadcrumbs, name, heading, path]);
}
