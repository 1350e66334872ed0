// Tells the page's parts that a run has moved.  An element with data-live="<run id>",
// or "*" for every run, gets the event `moved` at most once a second; charts hear
// `run:moved` on the document.  What is shown then comes from the server, by htmx.
(() => {
  "use strict";

  const PAUSE_MS = 1000;
  const POLL_MS = 3000;
  const FIRST_RETRY_MS = 500;
  const LAST_RETRY_MS = 15000;
  const CHANNELS = ["status", "equity", "orders", "logs"];
  const MOST = 10;

  const state = { socket: null, retry: FIRST_RETRY_MS, open: false, moved: new Set(), timer: 0 };
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const isRead = (part) => {
    const selection = window.getSelection();
    return !selection.isCollapsed && selection.containsNode(part, true);
  };
  const isEdited = (part) =>
    part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");

  function tell() {
    state.timer = 0;
    if (document.hidden) return;
    const moved = state.moved;
    state.moved = new Set();
    for (const part of parts()) {
      const run = part.dataset.live;
      if (!(run === "*" || moved.has(run) || moved.has("*"))) continue;
      if (isRead(part) || isEdited(part)) continue;
      window.htmx.trigger(part, "moved");
    }
    document.dispatchEvent(new CustomEvent("run:moved", { detail: { runs: [...moved] } }));
  }

  function note(run) {
    state.moved.add(run);
    if (!state.timer) state.timer = setTimeout(tell, PAUSE_MS);
  }

  function subscribe(socket) {
    const runs = new Set(parts().map((part) => part.dataset.live));
    const named = [...runs].filter((run) => run !== "*");
    // A connection holds ten subscriptions: where that is too few, follow everything.
    if (runs.has("*") || named.length * CHANNELS.length > MOST) named.splice(0, Infinity, undefined);
    for (const run_id of named) {
      for (const channel of CHANNELS) {
        socket.send(JSON.stringify({ action: "subscribe", channel, ...(run_id && { run_id }) }));
      }
    }
  }

  function show() {
    const link = document.getElementById("link");
    if (link) link.hidden = state.open;
  }

  function connect() {
    if (!parts().length) return;
    const scheme = window.location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${window.location.host}/ws`);
    state.socket = socket;
    socket.addEventListener("open", () => {
      state.open = true;
      state.retry = FIRST_RETRY_MS;
      show();
      subscribe(socket);
      // What happened while nobody listened.
      note("*");
    });
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      if (message.run_id && message.channel) note(message.run_id);
    });
    socket.addEventListener("close", () => {
      state.open = false;
      // A page that is left closes its socket, too.
      setTimeout(show, FIRST_RETRY_MS);
      setTimeout(connect, state.retry);
      state.retry = Math.min(state.retry * 2, LAST_RETRY_MS);
    });
  }

  function start() {
    connect();
    setInterval(() => {
      if (!state.open && parts().length) note("*");
    }, POLL_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) note("*");
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
