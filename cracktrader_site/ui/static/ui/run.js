// The parts of a run's page take the place of their former selves: only where something
// has changed, and with what the reader had scrolled and opened.
(() => {
  "use strict";

  const shown = new Map();
  const untokened = (html) => html.replace(/(csrfmiddlewaretoken" value=")[^"]*/g, "$1");
  const boxes = (part) => [...part.querySelectorAll(".scroll, .events")];
  const named = (details) => details.querySelector("summary")?.getAttribute("aria-label");
  let kept;

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, elt, serverResponse, shouldSwap } = event.detail;
    if (!shouldSwap || !target.id) return;
    const html = untokened(serverResponse);
    // What another element asked for, such as a link to the next page, is news in any case.
    if (target === elt && shown.get(target.id) === html) {
      event.detail.shouldSwap = false;
      return;
    }
    shown.set(target.id, html);
    const opened = [...target.querySelectorAll("details[open]")].map(named).filter(Boolean);
    kept = target === elt && {
      id: target.id,
      opened,
      scrolled: boxes(target).map((box) => [box.scrollLeft, box.scrollTop]),
    };
  });

  document.addEventListener("htmx:afterSwap", () => {
    if (!kept) return;
    const part = document.getElementById(kept.id);
    for (const details of part?.querySelectorAll("details") ?? []) {
      if (kept.opened.includes(named(details))) details.open = true;
    }
    boxes(part ?? document.createElement("div")).forEach((box, i) => {
      [box.scrollLeft, box.scrollTop] = kept.scrolled[i] ?? [0, 0];
    });
    kept = undefined;
  });

  // Escape puts a definition away.
  const metrics = () => document.querySelector(".metrics");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") metrics()?.classList.add("hush");
  });
  for (const kind of ["focusin", "pointerover"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.closest?.(".metrics dt")) metrics().classList.remove("hush");
    });
  }
})();
