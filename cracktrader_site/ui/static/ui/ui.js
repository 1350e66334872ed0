// What every page of the desk does: messages at the edge, confirmations, copying.
(() => {
  "use strict";

  const SHOWN_MS = 8000;

  function toast({ level = "info", text, code }) {
    const box = document.createElement("p");
    box.className = `toast ${level}`;
    box.textContent = code ? `${text} (${code})` : text;
    document.getElementById("toasts").append(box);
    setTimeout(() => box.remove(), SHOWN_MS);
  }

  document.addEventListener("desk:toast", (event) => toast(event.detail));
  // What asks by itself is told by "Reconnecting", and asks again.
  document.addEventListener("htmx:sendError", (event) => {
    if (event.detail.elt.matches("[data-live], [data-quiet]")) return;
    toast({ level: "error", text: "The server does not answer." });
  });
  document.addEventListener("htmx:responseError", (event) => {
    const answer = event.detail.xhr;
    if (answer.getResponseHeader("HX-Trigger") || event.detail.elt.matches("[data-quiet]")) return;
    toast({ level: "error", text: `The server answered ${answer.status}.` });
  });

  // A form or button with data-confirm asks first; htmx has hx-confirm for its own.
  document.addEventListener("submit", (event) => {
    const asked = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (asked && !window.confirm(asked)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);

  // A button with data-copy="#id" copies that element's text.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      toast({ text: "Copied." });
    } catch {
      const selection = window.getSelection();
      selection.selectAllChildren(source);
      toast({ text: "Selected: press Ctrl+C to copy." });
    }
  });

  // One menu at a time, closed by Escape or a click elsewhere.
  const menus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
})();
