// Draws every element with data-figure: the URL of a plotly figure, or "#id" of
// a JSON script on the page.  Text and grid follow the page, light or dark.
(() => {
  "use strict";

  const CONFIG = { displaylogo: false, responsive: true, scrollZoom: false };
  const ZOOM_DELAY_MS = 250;
  const axes = (layout) => Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));

  const isDark = () => document.documentElement.classList.contains("dark");

  // What the reader has zoomed to stays when a chart is drawn again, but not for another symbol.
  function themed(element, layout) {
    const dark = isDark();
    const text = dark ? "#d1d5db" : "#374151";
    const grid = dark ? "rgba(255, 255, 255, 0.09)" : "rgba(0, 0, 0, 0.08)";
    const result = { ...layout, font: { ...layout.font, color: text, family: "inherit" } };
    result.uirevision = element.dataset.symbol || "kept";
    result.hoverlabel = { bgcolor: dark ? "#111827" : "#ffffff", font: { color: text } };
    for (const key of axes(layout)) {
      result[key] = { ...layout[key], gridcolor: grid, zerolinecolor: grid, linecolor: grid };
    }
    return result;
  }

  async function load(source) {
    if (source.startsWith("#")) {
      return JSON.parse(document.querySelector(source).textContent);
    }
    const answer = await fetch(source, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }

  function address(element, range) {
    const source = element.dataset.figure;
    if (source.startsWith("#")) return source;
    const url = new URL(source, window.location.href);
    if (element.dataset.symbol) url.searchParams.set("symbol", element.dataset.symbol);
    if (range) {
      url.searchParams.set("from", String(range[0]));
      url.searchParams.set("to", String(range[1]));
    }
    return url.pathname + url.search;
  }

  async function draw(element, range) {
    const asked = (element.asked = (element.asked || 0) + 1);
    try {
      const figure = await load(address(element, range));
      if (asked !== element.asked) return;
      delete element.dataset.failed;
      const empty = "empty" in element.dataset && !figure.data.some((trace) => trace.x.length);
      if (empty) element.dataset.failed = element.dataset.empty;
      if (empty) return;
      element.figure = figure;
      await Plotly.react(element, figure.data, themed(element, figure.layout), CONFIG);
      element.dataset.drawn = String(asked);
      if ("zoom" in element.dataset && !element.watched) watchZoom(element);
    } catch (error) {
      element.dataset.failed = "The chart could not be loaded.";
    }
  }

  // A date axis names moments without a zone, and means UTC.
  const toMs = (moment) =>
    typeof moment === "number" ? Math.round(moment) : Date.parse(moment.replace(" ", "T") + "Z");

  // Zoomed in, the server sends that stretch again with narrower candles.
  function watchZoom(element) {
    element.watched = true;
    let timer;
    element.on("plotly_relayout", (change) => {
      const from = change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0];
      const to = change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1];
      const whole = change["xaxis.autorange"];
      if (from === undefined && !whole) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        element.zoomed = !whole;
        const range = whole ? undefined : [toMs(from), toMs(to)].map((ms) => Math.max(0, ms));
        draw(element, range);
      }, ZOOM_DELAY_MS);
    });
  }

  function start() {
    const charts = [...document.querySelectorAll("[data-figure]")];
    charts.forEach((element) => draw(element));
    for (const select of document.querySelectorAll("[data-figure-symbol]")) {
      const element = document.getElementById(select.dataset.figureSymbol);
      select.addEventListener("change", () => {
        element.dataset.symbol = select.value;
        element.zoomed = false;
        draw(element);
      });
    }
    document.addEventListener("run:moved", () => {
      for (const element of charts) if (!element.zoomed) draw(element);
    });
    let dark = isDark();
    new MutationObserver(() => {
      if (dark === isDark()) return;
      dark = isDark();
      for (const element of charts) {
        if (element.figure) {
          Plotly.react(element, element.figure.data, themed(element, element.figure.layout), CONFIG);
        }
      }
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
