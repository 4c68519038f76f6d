/**
 * Runs before the first paint, as a script of its own (see vite.config.mjs), so that nobody at night is shown a white
 * page first.
 */
{
  let kept: string | null = null;
  try {
    kept = localStorage.getItem('holdfast.theme');
  } catch {
    // Storage can be forbidden; the page then follows the system.
  }
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  document.documentElement.dataset.theme = kept === 'light' || kept === 'dark' ? kept : system;
}
