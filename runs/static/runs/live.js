// Keeps the page of a run that goes on up to date: the page is fetched again, and
// of it every part with data-live takes the place of its former self.  Nothing
// else moves, so the reader's scroll and the charts' zoom stay.
(() => {
  "use strict";

  const PAUSE_MS = 2000;
  const received = new WeakMap();
  const parts = (page) => [...page.querySelectorAll("[data-live]")];
  const named = (page, name) => page.querySelector(`[data-live="${name}"]`);
  const isRead = (part) => {
    const selection = window.getSelection();
    return !selection.isCollapsed && selection.containsNode(part, true);
  };

  function replace(mine, theirs) {
    const html = theirs.innerHTML;
    if (html === received.get(mine) || isRead(mine)) return;
    const scrolled = [...mine.querySelectorAll(".ct-scroll")].map((box) => box.scrollLeft);
    mine.innerHTML = html;
    mine.querySelectorAll(".ct-scroll").forEach((box, i) => (box.scrollLeft = scrolled[i] || 0));
    received.set(mine, html);
  }

  async function refresh() {
    const answer = await fetch(window.location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const before = named(document, "actions");
    const now = named(page, "actions");
    if (!before || !now) return;
    if (!("active" in now.dataset)) {
      // Over: its books are closed, and the page is another.
      window.location.reload();
      return;
    }
    for (const mine of parts(document)) {
      const theirs = named(page, mine.dataset.live);
      if (theirs) replace(mine, theirs);
    }
    if (before.dataset.moved !== now.dataset.moved) {
      before.dataset.moved = now.dataset.moved;
      document.dispatchEvent(new Event("run:moved"));
    }
  }

  async function keep() {
    try {
      if (!document.hidden) await refresh();
    } catch {
      // The desk may be starting again: the next time, then.
    }
    setTimeout(keep, PAUSE_MS);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-confirm]");
    if (button && !window.confirm(button.dataset.confirm)) event.preventDefault();
  });
  for (const part of parts(document)) received.set(part, part.innerHTML);
  setTimeout(keep, PAUSE_MS);
})();
