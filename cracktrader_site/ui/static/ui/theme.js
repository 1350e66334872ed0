// Light or dark before the first paint: as chosen, else as the system has it.
(() => {
  "use strict";

  const KEY = "cracktrader-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function show() {
    const theme = chosen() || (system.matches ? "dark" : "light");
    document.documentElement.classList.toggle("dark", theme === "dark");
  }

  show();
  system.addEventListener("change", show);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const next = document.documentElement.classList.contains("dark") ? "light" : "dark";
    try {
      localStorage.setItem(KEY, next);
      show();
    } catch {
      document.documentElement.classList.toggle("dark", next === "dark");
    }
  });
})();
