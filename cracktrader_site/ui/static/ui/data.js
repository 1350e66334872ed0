// Suggestions for a field that takes several names, parted by commas: the last one is
// completed, and those before it stay.  Without this script the first one is.
(() => {
  "use strict";

  const upToLastComma = /^.*[,;]\s*/;

  function suggest(field) {
    const before = field.value.match(upToLastComma)?.[0] ?? "";
    const list = field.list;
    if (!list || list.dataset.before === before) return;
    list.dataset.before = before;
    for (const option of list.options) {
      option.dataset.name ??= option.value;
      option.value = before + option.dataset.name;
    }
  }

  for (const kind of ["focusin", "input"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.matches("[data-list-many]")) suggest(event.target);
    });
  }
})();
