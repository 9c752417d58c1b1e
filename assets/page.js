/* What the page does in the browser alone: keys, ratios, remembering, dropping files. */
window.srpo = (() => {
  const ratios = {};
  const round = (value, [low, high, step]) =>
    Math.min(high, Math.max(low, Math.round(value / step) * step));

  const visible = (selector) =>
    [...document.querySelectorAll(selector)].find((node) => node.offsetParent !== null);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const button = visible("button.generate");
      if (button && !button.disabled) {
        event.preventDefault();
        // The prompt reaches the page's state on input; a pending one is flushed by a blur.
        document.activeElement?.blur?.();
        setTimeout(() => button.click(), 30);
      }
    } else if (event.key === "Escape" && !event.defaultPrevented) {
      visible("button.cancel")?.click();
    }
  });

  // Read aloud when what the jobs do changes, not at every tick of their clocks.
  const spoken = document.createElement("p");
  spoken.className = "spoken";
  spoken.setAttribute("role", "status");
  const speak = () => {
    const lines = [...document.querySelectorAll(".job .row span:first-child")];
    const shown = lines.filter((line) => line.offsetParent !== null);
    const said = [...new Set(shown.map((line) => line.textContent.split(" · step")[0]))].join(", ");
    if (spoken.textContent !== said) spoken.textContent = said;
  };

  new MutationObserver(() => {
    if (!spoken.isConnected && document.body) document.body.append(spoken);
    speak();
    // Gradio's upload area names itself differently from what it shows; what it shows is its name.
    document
      .querySelectorAll("button.upload-container[aria-label]")
      .forEach((button) => button.removeAttribute("aria-label"));
    // Gradio's messages are a button around a button; the inner one, which closes, is enough.
    document.querySelectorAll(".toast-header[role=button]").forEach((header) => {
      header.removeAttribute("role");
      header.removeAttribute("tabindex");
    });
    // Gradio's menus have no placeholder; an empty one here is a size that no preset has.
    document
      .querySelectorAll(".size input[role=combobox]:not([placeholder])")
      .forEach((input) => input.setAttribute("placeholder", "Custom"));
  }).observe(document, { childList: true, subtree: true });

  const clicks = {};
  const forget = () => Object.keys(clicks).forEach((task) => delete clicks[task]);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("button.cancel, button[data-do]")) forget();
  }, true);

  return {
    // One click is one job: a double click, with nothing changed or cancelled in between, says what
    // the first said: its name, the price that was agreed to and whether the page asked about it.
    // "" is a no to the price.
    click(task, limit, price, wishes) {
      const wish = JSON.stringify(wishes);
      const last = clicks[task];
      if (last && performance.now() - last.at < 700 && last.wish === wish) return last.said;
      const asked = price === null || price > limit;
      const question = price === null
        ? "What this click costs is not set here; the service charges what it charges. Go on?"
        : `This click costs $${price.toFixed(4).replace(/0{1,2}$/, "")} in all. Make the images?`;
      const name = crypto.getRandomValues(new Uint32Array(4)).join("-");
      const said = asked && !confirm(question) ? "" : { name, price, asked };
      clicks[task] = { at: performance.now(), said, wish };
      return said;
    },
    keep(names, values) {
      return Object.fromEntries(names.map((name, index) => [name, values[index]]));
    },
    ratio(form, lock, width, height) {
      ratios[form] = lock && width && height ? width / height : null;
    },
    follow(form, side, lock, width, height, limits) {
      const ratio = lock && (ratios[form] ||= width / height);
      if (side === "height") return ratio ? round(width / ratio, limits) : height;
      return ratio ? round(height * ratio, limits) : width;
    },
    preset(presets, width, height) {
      const fits = ([, [wide, high]]) => wide === width && high === height;
      return Object.entries(presets).find(fits)?.[0] ?? null;
    },
    // The steps a strength runs are rounded up, to the letter as backends/local/order.py does it.
    counted(words, strength, steps) {
      const run = steps - Math.max(0, Math.trunc(steps - Math.min(steps * strength, steps)));
      const text = words.replace("{run}", run).replace("{steps}", steps);
      return `<p class="counted" role="status">${text}</p>`;
    },
    lastSeed(watch, now) {
      return watch && Number.isInteger(watch.seed) ? watch.seed : now;
    },
    async copy(text) {
      // On plain http elsewhere than on this machine a page has no clipboard.
      if (navigator.clipboard) return navigator.clipboard.writeText(text);
      const area = document.body.appendChild(document.createElement("textarea"));
      area.value = text;
      area.select();
      document.execCommand("copy");
      area.remove();
    },
    onDrop(restore) {
      const carries = (event) => event.dataTransfer?.types?.includes("Files");
      const elsewhere = (event) => !event.target.closest?.(".block:has(input[type=file])");
      window.addEventListener("dragover", (event) => {
        if (carries(event) && elsewhere(event)) event.preventDefault();
      });
      window.addEventListener("drop", (event) => {
        const file = event.dataTransfer?.files?.[0];
        if (!file || !elsewhere(event)) return;
        event.preventDefault();
        restore(file);
      });
    },
  };
})();
