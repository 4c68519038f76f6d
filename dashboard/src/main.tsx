import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
// First, so that component styles take precedence.
import './theme/tokens.css';
import './theme/fonts.css';
import './theme/base.css';
import { App } from './app';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
