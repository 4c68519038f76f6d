import type { ComponentType } from 'react';

/** One address, or a family of them, and what is shown there. Pages are loaded when they are first opened. */
export interface PageRoute {
  path: string;
  page: ComponentType;
}
