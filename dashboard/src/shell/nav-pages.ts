import {
  Box,
  Flag,
  Hourglass,
  Inbox,
  Layers,
  LayoutDashboard,
  type LucideIcon,
  ScrollText,
  ShoppingBag,
  Webhook,
} from 'lucide-react';

export interface NavPage {
  name: string;
  href: string;
  icon: LucideIcon;
  /** The shortcut: `g`, then this letter. */
  letter: string;
  /** A shorter name for the phone's tab bar; without one the page is under "More". */
  tab?: string;
}

export interface NavGroup {
  name: string;
  pages: NavPage[];
}

export const navGroups: readonly NavGroup[] = [
  {
    name: 'Now',
    pages: [
      { name: 'Overview', href: '/', icon: LayoutDashboard, letter: 'o', tab: 'Overview' },
      { name: 'Needs review', href: '/review', icon: Inbox, letter: 'r', tab: 'Review' },
    ],
  },
  {
    name: 'Stock',
    pages: [
      { name: 'Products', href: '/products', icon: Box, letter: 'p' },
      { name: 'Reservations', href: '/reservations', icon: Hourglass, letter: 'h', tab: 'Reservations' },
    ],
  },
  {
    name: 'Checkout',
    pages: [{ name: 'Orders', href: '/orders', icon: ShoppingBag, letter: 'c', tab: 'Orders' }],
  },
  {
    name: 'System',
    pages: [
      { name: 'Queues', href: '/queues', icon: Layers, letter: 'q' },
      { name: 'Webhooks', href: '/webhooks', icon: Webhook, letter: 'w' },
      { name: 'Audit log', href: '/audit', icon: ScrollText, letter: 'a' },
    ],
  },
  { name: 'Rehearsal', pages: [{ name: 'Flash sale', href: '/flash-sale', icon: Flag, letter: 'f' }] },
];

/** The groups for this environment: production has no rehearsals. */
export const groupsFor = (loadTests: boolean): readonly NavGroup[] =>
  loadTests ? navGroups : navGroups.filter(({ name }) => name !== 'Rehearsal');

/** Whether a location belongs to a page. */
export const isAt = (location: string, href: string): boolean =>
  location === href || (href !== '/' && location.startsWith(`${href}/`));
