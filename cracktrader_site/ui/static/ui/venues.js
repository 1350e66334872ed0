// Pages of strategies, venues and accounts: forms that are sent once, and the
// kill switch, whose button works when the account's name has been typed.
(() => {
  "use strict";

  // After the confirmation that ui.js asks for, which may hold the form back.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !event.target.matches("[data-once]")) return;
    for (const button of event.target.querySelectorAll("button[type=submit]")) {
      // Not before the browser has read the form: a disabled button sends no value.
      setTimeout(() => (button.disabled = true), 0);
      if (button.dataset.busy) button.textContent = button.dataset.busy;
    }
  });
  // A page that comes back from the browser's memory is to work again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });

  // What somebody is about to confirm is not taken from under the hand.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.target;
    if (part.id !== "standing") return;
    const edited = document.activeElement.matches("input") && part.contains(document.activeElement);
    if (edited || part.querySelector("input:checked")) event.preventDefault();
  });

  function watch(form) {
    const typed = form.querySelector("[data-must-be]");
    const button = form.querySelector("button[type=submit]");
    if (!typed || !button) return;
    const look = () => (button.disabled = typed.value.trim() !== typed.dataset.mustBe);
    typed.addEventListener("input", look);
    look();
  }
  for (const form of document.querySelectorAll("form[data-typed]")) watch(form);
})();
