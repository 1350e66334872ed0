// The list of runs: how many are ticked, and whether that many can be compared.
(() => {
  "use strict";

  const form = document.querySelector("[data-compare]");
  if (!form) return;
  const [fewest, most] = form.dataset.compare.split("-").map(Number);
  const button = form.querySelector("button[type=submit]");
  const told = form.querySelector("[role=status]");
  const invitation = told.textContent;

  function count() {
    const boxes = [...form.querySelectorAll("input[name=runs]")];
    const chosen = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.disabled = !box.checked && chosen >= most;
    button.disabled = chosen < fewest || chosen > most;
    told.textContent = chosen ? `${chosen} chosen${chosen >= most ? ": that is the most" : ""}.` : invitation;
  }

  form.addEventListener("change", count);
  form.addEventListener("htmx:afterSettle", count);
  count();
})();
