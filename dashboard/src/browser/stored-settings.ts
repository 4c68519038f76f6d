/** Settings kept in this browser. If storage is blocked, they last until the page is reloaded. */
export type Setting = 'theme' | 'zone' | 'compact' | 'letters';

const nameOf = (setting: Setting): string => `holdfast.${setting}`;

export function readSetting(setting: Setting): string | null {
  try {
    return localStorage.getItem(nameOf(setting));
  } catch {
    return null;
  }
}

export function writeSetting(setting: Setting, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(nameOf(setting));
    else localStorage.setItem(nameOf(setting), value);
  } catch {
    // Kept until the page is reloaded.
  }
}
