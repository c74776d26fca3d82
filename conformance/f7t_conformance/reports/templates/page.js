
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);

  const copy = async (text, pre) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const range = document.createRange();
      range.selectNodeContents(pre);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      return document.execCommand("copy");
    }
  };
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const pre = button.closest(".code").querySelector("pre");
      button.textContent = (await copy(pre.textContent, pre)) ? "copied" : "selected";
      setTimeout(() => { button.textContent = "copy"; }, 2000);
    });
  }

  const filters = byId("filters");
  if (!filters) return;
  const rows = [...document.querySelectorAll("[data-status]:not(button)")];
  const chips = [...document.querySelectorAll("[data-chip]")];
  const area = byId("area");
  const text = byId("text");
  const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const pressed = () => chips.filter((one) => one.getAttribute("aria-pressed") === "true");

  const apply = () => {
    const statuses = new Set(pressed().map((one) => one.dataset.chip));
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = (!statuses.size || row.dataset.status.split(" ").some((one) => statuses.has(one)))
        && (!area.value || row.dataset.area === area.value)
        && wanted.every((word) => words.get(row).includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    byId("shown").textContent = `${shown} of ${rows.length}`;
    byId("nothing").hidden = shown > 0;
  };
  const choose = (statuses, name, words) => {
    for (const chip of chips) {
      chip.setAttribute("aria-pressed", String(statuses.includes(chip.dataset.chip)));
    }
    area.value = name;
    text.value = words;
    apply();
  };

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const now = chip.getAttribute("aria-pressed") === "true";
      chip.setAttribute("aria-pressed", String(!now));
      apply();
    });
  }
  for (const button of document.querySelectorAll("button.count")) {
    button.addEventListener("click", () => {
      choose([button.dataset.status], button.dataset.area, "");
      filters.scrollIntoView();
    });
  }
  area.addEventListener("change", apply);
  text.addEventListener("input", apply);
  byId("reset").addEventListener("click", () => choose([], "", ""));

  const follow = () => {
    const chosen = location.hash.length > 1 && byId(location.hash.slice(1));
    if (chosen && chosen.matches("details")) {
      choose([], "", "");
      chosen.open = true;
      chosen.scrollIntoView();
    }
  };
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => {
    for (const row of document.querySelectorAll("details.fail, details.error")) row.open = true;
  });
  filters.hidden = false;
  apply();
  follow();
})();
