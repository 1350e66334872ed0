// The form of a new run: symbols as chips with suggestions, ranges by a click, one start a click.
// Without this script the symbols are one text with commas, and all the rest works as well.
(() => {
  "use strict";

  const SEARCH_MS = 150;
  const DAY_MS = 86400000;

  const split = (text) => text.split(/[\s,;]+/).filter(Boolean);
  const changed = (input) => input.dispatchEvent(new Event("change", { bubbles: true }));

  function dress(field) {
    const kept = field.querySelector("[name=symbols]");
    if (!kept || kept.type === "hidden") return;
    const search = field.querySelector("[data-search]").dataset.search;
    const known = field.querySelector("datalist");
    const box = document.createElement("div");
    const typed = document.createElement("input");
    typed.id = `${kept.id}_add`;
    typed.type = "text";
    typed.autocomplete = "off";
    typed.spellcheck = false;
    typed.setAttribute("list", known.id);
    typed.setAttribute("aria-describedby", kept.getAttribute("aria-describedby") || "");
    if (field.classList.contains("wrong")) typed.setAttribute("aria-invalid", "true");
    field.querySelector("label").htmlFor = typed.id;
    box.className = "chips";
    kept.type = "hidden";
    kept.after(box);
    box.append(typed);

    const chosen = () => split(kept.value);

    function show() {
      for (const chip of box.querySelectorAll(".chip")) chip.remove();
      for (const symbol of chosen()) {
        const chip = document.createElement("button");
        chip.type = "button";
        chip.className = "chip";
        chip.dataset.symbol = symbol;
        chip.setAttribute("aria-label", `Remove ${symbol}`);
        const cross = document.createElement("span");
        cross.textContent = "×";
        cross.setAttribute("aria-hidden", "true");
        chip.append(symbol, cross);
        typed.before(chip);
      }
      typed.placeholder = chosen().length ? "Add another" : "BTC/USDT";
    }

    function keep(symbols) {
      kept.value = [...new Set(symbols)].join(", ");
      show();
      changed(kept);
    }

    function add() {
      const symbols = split(typed.value).map((s) => (s === s.toLowerCase() ? s.toUpperCase() : s));
      typed.value = "";
      if (symbols.length) keep([...chosen(), ...symbols]);
      return symbols.length > 0;
    }

    let waiting = 0;
    function suggest() {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const venue = document.querySelector("#run-form [name=exchange]").value;
        const query = new URLSearchParams({ exchange: venue, symbol: typed.value });
        const answer = await fetch(`${search}?${query}`, { credentials: "same-origin" });
        if (answer.ok) known.innerHTML = await answer.text();
      }, SEARCH_MS);
    }

    box.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (chip) {
        keep(chosen().filter((symbol) => symbol !== chip.dataset.symbol));
        typed.focus();
      } else {
        typed.focus();
      }
    });
    typed.addEventListener("focus", suggest, { once: true });
    typed.addEventListener("input", (event) => {
      event.stopPropagation();
      const picked = !event.inputType || event.inputType === "insertReplacementText";
      if (picked || /[\s,;]$/.test(typed.value)) add();
      else suggest();
    });
    typed.addEventListener("change", (event) => {
      event.stopPropagation();
      add();
    });
    typed.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && typed.value) {
        event.preventDefault();
        add();
      } else if (event.key === "Backspace" && !typed.value && chosen().length) {
        event.preventDefault();
        keep(chosen().slice(0, -1));
      }
    });
    show();
  }

  function offerRanges(row) {
    row.hidden = false;
    row.addEventListener("click", (event) => {
      const button = event.target.closest("[data-days]");
      if (!button) return;
      const form = document.getElementById("run-form");
      const start = form.elements.start_date;
      const days = Number(button.dataset.days);
      const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
      start.value = days ? new Date(midnight - days * DAY_MS).toISOString().slice(0, 16) : "";
      form.elements.end_date.value = "";
      changed(start);
    });
  }

  function offerSpeeds(row) {
    row.hidden = false;
    row.addEventListener("click", (event) => {
      const button = event.target.closest("[data-speed]");
      if (!button) return;
      const speed = document.getElementById("run-form").elements.speed;
      speed.value = button.dataset.speed;
      changed(speed);
    });
  }

  // Pages are not kept: who comes back from the run finds here what was typed, not what was first.
  function remember(form) {
    const query = new URLSearchParams(new FormData(form));
    for (const name of ["csrfmiddlewaretoken", "key", "was", "confirm_live", "update"]) query.delete(name);
    history.replaceState(history.state, "", `${form.getAttribute("action")}?${query}`);
  }

  function enhance(root) {
    for (const field of root.querySelectorAll("[data-symbols]")) dress(field);
    for (const row of root.querySelectorAll("[data-ranges][hidden]")) offerRanges(row);
    for (const row of root.querySelectorAll("[data-speeds][hidden]")) offerSpeeds(row);
  }

  function start() {
    enhance(document);
    document.addEventListener("htmx:afterSwap", () => enhance(document));
    const form = document.getElementById("run-form");
    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented) return;
      remember(form);
      // The server makes one run of both clicks; the button says so.
      if (event.submitter) event.submitter.setAttribute("aria-disabled", "true");
    });
    window.addEventListener("pageshow", () => {
      for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
    });
    const wrong = form.querySelector(".field.wrong :is(input:not([type=hidden]), select, textarea)");
    if (wrong) wrong.focus();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
