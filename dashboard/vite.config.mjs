import path from 'node:path';
import { defineConfig } from 'vite';

const themeScript = path.join(import.meta.dirname, 'src/theme/theme-script.ts');

/**
 * The theme must be set before the first paint, and the page's CSP allows no inline script: so it is a separate,
 * hashed script that blocks rendering.
 */
function themeBeforeFirstPaint() {
  return {
    name: 'theme-before-first-paint',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'chunk', id: themeScript, name: 'theme' });
    },
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle }) {
        const chunk = Object.values(bundle).find(({ type, name }) => type === 'chunk' && name === 'theme');
        return [{ tag: 'script', attrs: { src: `/${chunk.fileName}` }, injectTo: 'head-prepend' }];
      },
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic' } },
  plugins: [themeBeforeFirstPaint()],
  css: { modules: { generateScopedName: '[name]-[local]-[hash:base64:4]' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // A data URI would need an exception in the CSP.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Packages mark files 'use client' for server rendering, which does not happen here.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
});
