// A figure's lines as they are, drawn at once: plotly takes a second to start, its reader
// need not.  `window.sketch(figure element, figure)` promises that it has been painted.
(() => {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const LABEL_PX = 12;
  const HIDDEN_TAB_MS = 100;

  const known = (value) => value !== null && Number.isFinite(value);

  // Candles by their closes.
  function lines(figure) {
    return figure.data
      .filter((trace) => trace.x?.length && (trace.mode === "lines" || trace.close))
      .map((trace) => ({
        x: trace.x,
        y: trace.close ?? trace.y,
        axis: trace.yaxis ?? "y",
        colour: trace.line?.color ?? "currentColor",
        dash: trace.line?.dash,
      }));
  }

  function bounds(numbers) {
    let low = Infinity;
    let high = -Infinity;
    for (const number of numbers) {
      if (!known(number)) continue;
      low = Math.min(low, number);
      high = Math.max(high, number);
    }
    return [low, high];
  }

  const scale = ([low, high], from, to) => (value) =>
    from + ((value - low) / (high - low || 1)) * (to - from);

  function path(line, across, up) {
    let text = "";
    let pen = "M";
    line.y.forEach((value, i) => {
      if (!known(value)) {
        pen = "M";
        return;
      }
      text += `${pen}${across(line.x[i]).toFixed(1)},${up(value).toFixed(1)}`;
      pen = "L";
    });
    return text;
  }

  function part(parent, name, attributes, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    parent.append(made);
    return made;
  }

  const said = (value, format) =>
    format?.includes("%")
      ? `${(value * 100).toFixed(1)}%`
      : value.toLocaleString("en", { maximumSignificantDigits: 6 });

  function draw(element, figure) {
    const found = lines(figure);
    const { width, height } = element.getBoundingClientRect();
    if (!found.length || !width || !height) return false;
    const margin = figure.layout.margin;
    const [left, right] = [margin.l, width - margin.r];
    const [bottom, top] = [height - margin.b, margin.t];
    const times = bounds(found.flatMap((line) => [line.x[0], line.x[line.x.length - 1]]));
    const across = scale(times, left, right);
    const svg = part(element, "svg", { class: "chart-sketch", width, height, "aria-hidden": "true" });
    for (const axis of new Set(found.map((line) => line.axis))) {
      const { domain = [0, 1], tickformat } = figure.layout[axis.replace("y", "yaxis")] ?? {};
      const mine = found.filter((line) => line.axis === axis);
      const values = bounds(mine.flatMap((line) => bounds(line.y)));
      const [low, high] = domain.map((share) => bottom - share * (bottom - top));
      const up = scale(values, low, high);
      for (const line of mine) {
        const dash = line.dash && line.dash !== "solid" ? { "stroke-dasharray": "2 3" } : {};
        const stroke = { fill: "none", stroke: line.colour, "stroke-width": 1.5, ...dash };
        part(svg, "path", { d: path(line, across, up), ...stroke });
      }
      const label = { x: left - 6, "text-anchor": "end", "font-size": LABEL_PX, fill: "currentColor" };
      part(svg, "text", { ...label, y: high + LABEL_PX }, said(values[1], tickformat));
      part(svg, "text", { ...label, y: low }, said(values[0], tickformat));
    }
    times.forEach((time, i) => {
      const place = { x: i ? right : left, y: bottom + LABEL_PX + 6, "font-size": LABEL_PX };
      const anchor = { "text-anchor": i ? "end" : "start", fill: "currentColor" };
      part(svg, "text", { ...place, ...anchor }, new Date(time).toISOString().slice(0, 10));
    });
    return true;
  }

  // A tab in the background is not painted, and must not wait for it.
  const painted = () =>
    new Promise((resolve) => {
      requestAnimationFrame(() => requestAnimationFrame(resolve));
      setTimeout(resolve, HIDDEN_TAB_MS);
    });

  window.sketch = async (element, figure) => {
    if (!draw(element, figure)) return;
    await painted();
    element.dataset.sketched = "";
  };
})();
