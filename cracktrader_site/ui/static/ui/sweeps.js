// A sweep's page: a click on a cell of the map shows the trial behind it.
(() => {
  "use strict";

  const heard = new WeakSet();

  function listen(chart) {
    if (heard.has(chart) || typeof chart.on !== "function") return;
    heard.add(chart);
    chart.on("plotly_click", ({ points: [point] }) => {
      const cell = Array.isArray(point.pointIndex)
        ? point.data.customdata?.[point.pointIndex[0]]?.[point.pointIndex[1]]
        : point.data.customdata?.[point.pointIndex];
      if (cell === undefined || cell === null) return;
      const url = chart.dataset.trial + cell;
      window.htmx.ajax("GET", url, { target: "#picked", swap: "outerHTML" });
    });
  }

  // charts.js counts its drawings on the element; plotly has made it listen by then.
  new MutationObserver((changes) => {
    for (const { target } of changes) if (target.matches("[data-trial]")) listen(target);
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-drawn"], subtree: true });
})();
