// Draws every element with data-figure: the URL of a plotly figure, or "#id" of a JSON
// script on the page.  Nothing is fetched before the element comes into view.
//
//   <script src="…/charts.js" data-plotly="URL of plotly.js" defer></script>
//   <div class="chart" data-figure="URL" data-label="Equity" data-zoom data-empty="No bar yet."></div>
//
// data-symbol goes along as ?symbol=; <select data-figure-symbol="id of the chart"> sets it.
// data-zoom: what the reader zooms to is asked for again, finer, as ?from=&to= in UTC ms.
// data-eager: drawn at once, for pages that are printed.
// data-drawn counts the drawings; data-failed says why there is none.  With sketch.js before it,
// lines are there before plotly is (data-sketched).  Elements may come and
// go.  `run:moved` on the document (detail.runs: ids, or "*") draws what is in view again.
(() => {
  "use strict";

  const CONFIG = {
    displaylogo: false,
    responsive: false,
    scrollZoom: false,
    doubleClick: "autosize",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "resetScale2d"],
  };
  const ZOOM_DELAY_MS = 250;
  const REDRAW_MS = 1500;
  const AHEAD = "300px";
  const PAPER_PX = 690;
  const KEYS = "Arrow keys move, plus and minus zoom, 0 shows all.";

  // What is known of each chart: asked, figure, range, visible, stale, drawnAt, timer, request.
  const charts = new Map();
  const address = document.currentScript?.dataset.plotly;
  let library;

  const isDark = () => document.documentElement.classList.contains("dark");
  const axes = (layout) => Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));

  function plotly() {
    if (window.Plotly) return Promise.resolve(window.Plotly);
    library ??= new Promise((resolve, reject) => {
      const done = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error("no plotly")));
      if (!address) {
        // The page brings it itself.
        if (document.readyState === "complete") done();
        else window.addEventListener("load", done, { once: true });
        return;
      }
      const script = document.createElement("script");
      script.src = address;
      script.addEventListener("load", done);
      script.addEventListener("error", () => reject(new Error("no plotly")));
      document.head.append(script);
    }).catch((error) => {
      library = undefined;
      throw error;
    });
    return library;
  }

  // What the reader has zoomed to stays when a chart is drawn again, but not for another symbol.
  function themed(element, layout, dark = isDark()) {
    const text = dark ? "#d1d5db" : "#374151";
    const grid = dark ? "rgba(255, 255, 255, 0.09)" : "rgba(0, 0, 0, 0.08)";
    const result = { ...layout, font: { ...layout.font, color: text, family: "inherit" } };
    result.uirevision = element.dataset.symbol || "kept";
    result.hoverlabel = { bgcolor: dark ? "#111827" : "#ffffff", font: { color: text } };
    result.modebar = { bgcolor: "rgba(0,0,0,0)", color: text, activecolor: text };
    for (const key of axes(layout)) {
      result[key] = { ...layout[key], gridcolor: grid, zerolinecolor: grid, linecolor: grid };
      // Zoomed along time, the rest fits itself to what the server sends of it.
      if ("zoom" in element.dataset && key.startsWith("y")) result[key].fixedrange = true;
    }
    return result;
  }

  // Over cells of any colour the page's own text is read best.
  function worded(data, dark = isDark()) {
    const color = dark ? "#f3f4f6" : "#111827";
    return data.map((trace) => (trace.texttemplate ? { ...trace, textfont: { ...trace.textfont, color } } : trace));
  }

  function source(element, range) {
    const figure = element.dataset.figure;
    if (figure.startsWith("#")) return figure;
    const url = new URL(figure, window.location.href);
    if (element.dataset.symbol) url.searchParams.set("symbol", element.dataset.symbol);
    if (range) {
      url.searchParams.set("from", String(range[0]));
      url.searchParams.set("to", String(range[1]));
    }
    return url.pathname + url.search;
  }

  async function load(from, signal) {
    if (from.startsWith("#")) return JSON.parse(document.querySelector(from).textContent);
    const answer = await fetch(from, { credentials: "same-origin", signal });
    if (answer.ok) return answer.json();
    const told = await answer.json().catch(() => ({}));
    throw new Error(told.message || `The server answered ${answer.status}.`);
  }

  async function draw(element) {
    const chart = charts.get(element);
    chart.request?.abort();
    chart.request = new AbortController();
    chart.stale = false;
    const asked = (chart.asked += 1);
    const isLate = () => asked !== chart.asked || !charts.has(element);
    try {
      const figure = await load(source(element, chart.range), chart.request.signal);
      if (isLate()) return;
      if (!window.Plotly && !("sketched" in element.dataset)) await window.sketch?.(element, figure);
      const Plotly = await plotly();
      if (isLate()) return;
      if ("empty" in element.dataset && !figure.data.some((trace) => trace.x.length)) {
        fail(element, element.dataset.empty);
        return;
      }
      restore(element);
      element.figure = figure;
      await Plotly.react(element, worded(figure.data), themed(element, figure.layout), CONFIG);
      if (isLate()) return;
      element.dataset.drawn = String(asked);
      describe(element, figure.layout.meta?.text);
      if (!chart.watched) watch(element, chart);
    } catch (error) {
      if (isLate() || error.name === "AbortError") return;
      fail(element, `The chart could not be drawn. ${error.message}`, true);
    } finally {
      chart.drawnAt = performance.now();
    }
  }

  function fail(element, text, again = false) {
    restore(element);
    element.dataset.failed = text;
    describe(element, text);
    if (!again) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chart-retry button ct-button";
    button.textContent = "Try again";
    button.addEventListener("click", () => draw(element));
    element.append(button);
  }

  function restore(element) {
    delete element.dataset.failed;
    for (const left of element.querySelectorAll(":scope > .chart-retry, :scope > .chart-sketch")) {
      left.remove();
    }
  }

  // Its drawing is hidden from screen readers: axis labels one by one tell nobody anything.
  function describe(element, text) {
    const { label, zoom } = element.dataset;
    const said = [label, text, zoom !== undefined && "drawn" in element.dataset && KEYS];
    element.setAttribute("role", "figure");
    element.setAttribute("aria-label", said.filter(Boolean).join(". ").replaceAll("..", "."));
    for (const svg of element.querySelectorAll("svg.main-svg")) {
      svg.setAttribute("aria-hidden", "true");
    }
  }

  // A date axis names moments without a zone, and means UTC.
  const toMs = (moment) =>
    typeof moment === "number" ? Math.round(moment) : Date.parse(moment.replace(" ", "T") + "Z");

  // Zoomed in, the server sends that stretch again with narrower candles.
  function watch(element, chart) {
    chart.watched = true;
    if (!("zoom" in element.dataset)) return;
    element.tabIndex = 0;
    element.addEventListener("keydown", (event) => steer(element, event));
    let timer;
    element.on("plotly_relayout", (change) => {
      const from = change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0];
      const to = change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1];
      const whole = change["xaxis.autorange"];
      if (from === undefined && !whole) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        chart.range = whole ? null : [toMs(from), toMs(to)].map((ms) => Math.max(0, ms));
        if (charts.has(element)) draw(element);
      }, ZOOM_DELAY_MS);
    });
  }

  function steer(element, event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== element) return;
    if (event.key === "0") {
      event.preventDefault();
      window.Plotly.relayout(element, { "xaxis.autorange": true });
      return;
    }
    const [from, to] = element.layout.xaxis.range.map(toMs);
    const width = to - from;
    const ends = {
      ArrowLeft: [from - width / 5, to - width / 5],
      ArrowRight: [from + width / 5, to + width / 5],
      "+": [from + width / 4, to - width / 4],
      "-": [from - width / 2, to + width / 2],
    }[event.key];
    if (!ends) return;
    event.preventDefault();
    const range = ends.map((ms) => new Date(ms).toISOString().slice(0, 23).replace("T", " "));
    window.Plotly.relayout(element, { "xaxis.range": range });
  }

  // Often enough to be watched, seldom enough to be looked at.
  function redraw(element, chart) {
    chart.stale = true;
    if (!chart.visible || chart.range || chart.timer) return;
    const pause = Math.max(0, chart.drawnAt + REDRAW_MS - performance.now());
    chart.timer = setTimeout(() => {
      chart.timer = 0;
      if (charts.has(element) && chart.stale && chart.visible && !chart.range) draw(element);
    }, pause);
  }

  const inView = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const chart = charts.get(target);
        if (!chart) continue;
        chart.visible = isIntersecting;
        if (!isIntersecting) continue;
        if (!chart.asked) draw(target);
        else if (chart.stale) redraw(target, chart);
      }
    },
    { rootMargin: AHEAD },
  );

  const inSize = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      if (!("drawn" in target.dataset) || !contentRect.width || !contentRect.height) continue;
      window.Plotly.Plots.resize(target);
    }
  });

  // Takes up the charts that have come to the page, and lets go of those that have left it.
  function survey() {
    for (const element of charts.keys()) if (!element.isConnected) release(element);
    for (const element of document.querySelectorAll("[data-figure]")) {
      if (charts.has(element)) continue;
      charts.set(element, { asked: 0, range: null, visible: false, stale: false, drawnAt: 0 });
      describe(element, "");
      inView.observe(element);
      inSize.observe(element);
      if ("eager" in element.dataset) draw(element);
    }
  }

  function repaint(dark = isDark(), width = undefined) {
    for (const element of charts.keys()) {
      if (!("drawn" in element.dataset)) continue;
      const { data, layout } = element.figure;
      window.Plotly.react(element, worded(data, dark), { ...themed(element, layout, dark), width }, CONFIG);
    }
  }

  function release(element) {
    const chart = charts.get(element);
    charts.delete(element);
    chart.request?.abort();
    clearTimeout(chart.timer);
    inView.unobserve(element);
    inSize.unobserve(element);
    if ("drawn" in element.dataset) window.Plotly.purge(element);
  }

  function start() {
    survey();
    for (const name of ["htmx:load", "htmx:afterSettle", "htmx:historyRestore"]) {
      document.addEventListener(name, survey);
    }
    document.addEventListener("change", (event) => {
      const element = document.getElementById(event.target.dataset?.figureSymbol);
      if (!charts.has(element)) return;
      element.dataset.symbol = event.target.value;
      charts.get(element).range = null;
      draw(element);
    });
    document.addEventListener("run:moved", (event) => {
      const runs = event.detail?.runs;
      const isOf = (url) => !runs || runs.some((run) => run === "*" || url.includes(run));
      for (const [element, chart] of charts) {
        if (isOf(element.dataset.figure)) redraw(element, chart);
      }
    });
    window.addEventListener("beforeprint", () => repaint(false, PAPER_PX));
    window.addEventListener("afterprint", () => repaint());
    let dark = isDark();
    new MutationObserver(() => {
      if (dark === isDark()) return;
      dark = isDark();
      repaint();
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
