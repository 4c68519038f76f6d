/**
 * Sets the theme before the first paint, as its own script (see vite.config.mjs), so that a dark page never flashes
 * white.
 */
{
  let kept: string | null = null;
  try {
    kept = localStorage.getItem('holdfast.theme');
  } catch {
    // Storage can be blocked; the page then follows the system.
  }
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.dataset.theme = kept === 'light' || kept === 'dark' ? kept : system;
}
