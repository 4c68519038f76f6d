import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
// First, so that what a part says of itself counts more.
import './theme/tokens.css';
import './theme/fonts.css';
import './theme/base.css';
import { App } from './app';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
