// SPDX-License-Identifier: Apache-2.0
//
// Light or dark, before the first paint: what was chosen, else what the system says. A classic script, so that it runs
// at once.
(() => {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const chosen = () => {
    try {
      return localStorage.getItem('theme');
    } catch {
      return null;  // storage is forbidden: the system's choice holds
    }
  };
  const apply = () => {
    document.documentElement.dataset.theme = chosen() ?? (system.matches ? 'dark' : 'light');
    document.dispatchEvent(new Event('theme'));
  };
  system.addEventListener('change', apply);
  document.addEventListener('switch-theme', () => {
    try {
      localStorage.setItem('theme', document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
    } catch { /* forbidden */
    }
    apply();
  });
  apply();
})();
