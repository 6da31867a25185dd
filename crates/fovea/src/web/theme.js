// Runs before anything is drawn, so that the page never flashes in the wrong colours or the wrong language.
(() => {
  const kept = (name) => {
    try {
      return localStorage.getItem(`fovea-${name}`);
    } catch {
      // Storage may be forbidden; then every visit begins with what the browser prefers.
      return null;
    }
  };
  const root = document.documentElement;
  root.dataset.theme = kept("theme") ?? "auto";
  const language = kept("language") ?? navigator.language ?? "en";
  root.lang = language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
})();
