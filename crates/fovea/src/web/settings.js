// Colours and language, kept in this browser.
import { byId, icon } from "./dom.js";
import { showHelp } from "./keys.js";
import { speak, spoken, t } from "./strings.js";

const THEMES = ["auto", "light", "dark"];

function keep(name, value) {
  try {
    localStorage.setItem(`fovea-${name}`, value);
  } catch {
    // Storage may be forbidden; the choice then holds until the page is left.
  }
}

function showTheme() {
  const theme = document.documentElement.dataset.theme ?? "auto";
  const button = byId("theme");
  button.replaceChildren(icon(theme));
  button.title = t(`theme_${theme}`);
  button.setAttribute("aria-label", t(`theme_${theme}`));
}

function showLanguage() {
  const button = byId("language");
  button.textContent = t("language");
  button.lang = spoken() === "zh" ? "en" : "zh-CN";
  button.title = t("languageLabel");
  button.setAttribute("aria-label", `${t("language")}: ${t("languageLabel")}`);
}

// `changed` says everything again in the other language.
export function wireSettings(changed) {
  for (const one of document.querySelectorAll("[data-icon]")) one.append(icon(one.dataset.icon));
  showTheme();
  showLanguage();
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    keep("theme", root.dataset.theme);
    showTheme();
  });
  byId("language").addEventListener("click", () => {
    speak(spoken() === "zh" ? "en" : "zh");
    keep("language", spoken());
    showTheme();
    showLanguage();
    changed();
  });
  byId("help").addEventListener("click", showHelp);
}
