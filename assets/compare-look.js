/* Looking closely at a set: side by side with one zoom for all, a slider between two, what differs. */
(() => {
  const { by, all, el, state, cellAt, order } = srpo.compare;
  const view = { scale: 1, x: 0, y: 0 };
  let pair = [null, null];
  let split = 50;
  let measured = null;

  const moved = () => all(".cmp-pane img, .cmp-pane canvas").forEach((image) => {
    image.style.transform = `translate(${view.x}%, ${view.y}%) scale(${view.scale})`;
  });

  const zoom = (factor, at = [0, 0]) => {
    const scale = Math.min(8, Math.max(1, view.scale * factor));
    const grown = scale / view.scale;
    view.x = at[0] + (view.x - at[0]) * grown;
    view.y = at[1] + (view.y - at[1]) * grown;
    view.scale = scale;
    bound();
  };

  const bound = () => {
    const most = 50 * (view.scale - 1);
    view.x = Math.max(-most, Math.min(most, view.x));
    view.y = Math.max(-most, Math.min(most, view.y));
    moved();
  };

  const whole = () => {
    Object.assign(view, { scale: 1, x: 0, y: 0 });
    moved();
  };

  const keys = (event) => {
    const step = 6;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input")) return;
    if (event.key === "+" || event.key === "=") zoom(1.4);
    else if (event.key === "-") zoom(1 / 1.4);
    else if (event.key === "0") whole();
    else if (moves[event.key] && view.scale > 1) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
      bound();
    } else return;
    event.preventDefault();
  };

  const at = (event, pane) => {
    const box = pane.getBoundingClientRect();
    return [100 * ((event.clientX - box.left) / box.width - 0.5), 100 * ((event.clientY - box.top) / box.height - 0.5)];
  };

  const pointing = (box) => {
    let from = null;
    box.addEventListener("wheel", (event) => {
      const pane = event.target.closest(".cmp-pane");
      if (!pane || !(event.ctrlKey || view.scale > 1 || event.deltaY < 0)) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, at(event, pane));
    }, { passive: false });
    box.addEventListener("pointerdown", (event) => {
      const pane = event.target.closest(".cmp-pane");
      if (!pane || event.target.closest("button, input")) return;
      from = at(event, pane);
      pane.setPointerCapture(event.pointerId);
    });
    box.addEventListener("pointermove", (event) => {
      const pane = event.target.closest(".cmp-pane");
      if (!from || !pane) return;
      const now = at(event, pane);
      view.x += now[0] - from[0];
      view.y += now[1] - from[1];
      from = now;
      bound();
    });
    for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, () => { from = null; });
    box.addEventListener("dblclick", () => (view.scale > 1 ? whole() : zoom(2)));
    box.addEventListener("keydown", keys);
  };

  const button = (label, act, more = {}) => el("button", { type: "button", className: "pill", textContent: label, data: { look: act }, ...more });

  const stepper = () => {
    const { rows } = state.table;
    if (rows.length < 2) return "";
    return el("span", { className: "cmp-step" },
      button("‹", "before", { disabled: state.row === 0, title: srpo.say("script-row-before"), ariaLabel: srpo.say("script-row-before") }),
      el("span", { textContent: srpo.say("script-row-of", { name: rows[state.row], place: state.row + 1, count: rows.length }) }),
      button("›", "after", { disabled: state.row === rows.length - 1, title: srpo.say("script-row-next"), ariaLabel: srpo.say("script-row-next") }));
  };

  const zooms = () => el("span", { className: "cmp-step" }, button("−", "out", { ariaLabel: srpo.say("script-zoom-out") }),
    button("+", "in", { ariaLabel: srpo.say("script-zoom-in") }), button(srpo.say("script-fit"), "fit"));

  const differences = () => {
    const { table, differ } = state;
    if (!differ?.rows?.length || differ.set !== table.id || differ.row !== state.row || differ.page !== state.page) return "";
    return el("div", { className: "cmp-scroll", tabIndex: 0, aria: { label: srpo.say("script-sent") }, role: "region" }, el("table", { className: "cmp-sent" },
      el("caption", { textContent: srpo.say("script-sent-differs") }),
      el("thead", {}, el("tr", {}, el("td"), ...differ.columns.map((column) => el("th", { scope: "col", textContent: table.columns[column] })))),
      el("tbody", {}, ...differ.rows.map((one) => el("tr", {}, el("th", { scope: "row", textContent: one.name.replaceAll("_", " ") }),
        ...one.values.map((value) => el("td", { textContent: value, title: value })))))));
  };

  const signature = (parts) => JSON.stringify([state.way, state.page, state.row, pair, parts]);
  let drawn = "";

  // --- Side by side ----------------------------------------------------------------------------

  const side = () => {
    const columns = order(state.row).filter((column) => cellAt(state.row, column)?.entry);
    const panes = columns.map((column) => {
      const cell = cellAt(state.row, column);
      const image = el("img", { src: cell.file, alt: state.table.columns[column], draggable: false });
      const pane = el("div", { className: "cmp-pane" }, image);
      pane.toggleAttribute("data-flagged", Boolean(cell.flagged));
      return el("figure", {}, el("figcaption", {}, el("b", { textContent: state.table.columns[column] }),
        el("small", { textContent: srpo.say("script-took", { took: cell.took, price: cell.price, seed: cell.seed }) })), pane);
    });
    const box = el("div", { className: "cmp-panes", tabIndex: 0, role: "group",
      aria: { label: srpo.say("script-side-by-side") } }, ...panes);
    if (!panes.length) box.append(el("p", { className: "note", textContent: srpo.say("script-row-empty") }));
    pointing(box);
    return [el("div", { className: "cmp-bar-of" }, stepper(), zooms()), box, differences()];
  };

  // --- A slider between two --------------------------------------------------------------------

  const choices = () => state.table.rows.flatMap((row, r) => state.table.columns.map((column, c) => {
    const cell = cellAt(r, c);
    return cell?.entry ? { value: `${r}.${c}`, label: [column, row].filter(Boolean).join(" · "), cell } : null;
  })).filter(Boolean);

  const chosen = (found, n) => found.find((one) => one.value === pair[n])
    ?? found.filter((one) => one.value.startsWith(`${state.row}.`))[n] ?? found[n] ?? found[0];

  const slider = () => {
    const found = choices();
    if (found.length < 2) return [el("p", { className: "note", textContent: srpo.say("script-two-needed") })];
    const [left, right] = [chosen(found, 0), chosen(found, 1)];
    pair = [left.value, right.value];
    const picker = (n, one) => {
      const box = el("select", { data: { pair: n }, ariaLabel: srpo.say(n ? "script-right-image" : "script-left-image") },
        ...found.map((other) => el("option", { value: other.value, textContent: other.label })));
      box.value = one.value;
      return box;
    };
    const under = el("img", { src: right.cell.file, alt: right.label, draggable: false });
    const over = el("img", { src: left.cell.file, alt: left.label, draggable: false, className: "over" });
    const heat = el("canvas", { className: "heat", hidden: true, aria: { hidden: "true" } });
    const pane = el("div", { className: "cmp-pane cmp-slide", tabIndex: 0, role: "group",
      aria: { label: srpo.say("script-over") } }, under,
    el("div", { className: "clip" }, over), heat, el("i", { className: "edge" }));
    pane.style.setProperty("--ratio", `${right.cell.size[0]} / ${right.cell.size[1]}`);
    pane.style.setProperty("--wide", right.cell.size[0] / right.cell.size[1]);
    const range = el("input", { type: "range", min: 0, max: 100, value: split, ariaLabel: srpo.say("script-split") });
    const cut = () => pane.style.setProperty("--split", `${range.value}%`);
    range.addEventListener("input", () => { split = range.value; cut(); });
    cut();
    const box = el("div", { className: "cmp-slider" }, pane, range);
    pointing(box);
    const told = el("span", { className: "cmp-pixels", role: "status", textContent: measured?.key === pair.join() ? measured.said : "" });
    return [el("div", { className: "cmp-bar-of" }, picker(0, left), picker(1, right), zooms(),
      button(srpo.say("script-flicker"), "flicker"), button(srpo.say("script-measure"), "pixels"), told), box];
  };

  const flicker = (on) => by(".cmp-slide")?.classList.toggle("flick", on);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=range]), textarea, select, dialog");
    if ((event.key === "f" || event.key === "F") && !typing && by(".cmp-slide") && !event.ctrlKey && !event.metaKey) flicker(true);
  });
  document.addEventListener("keyup", (event) => { if (event.key === "f" || event.key === "F") flicker(false); });
  document.addEventListener("pointerdown", (event) => { if (event.target.closest?.('[data-look="flicker"]')) flicker(true); });
  for (const end of ["pointerup", "pointercancel", "blur"]) window.addEventListener(end, () => flicker(false));

  // --- What differs in pixels ------------------------------------------------------------------

  const pixels = (image, width, height) => {
    const canvas = new OffscreenCanvas(width, height);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0, width, height);
    return pen.getImageData(0, 0, width, height).data;
  };

  // Mean difference of all channels in percent, in which ninth it is largest, and a map of it.
  const difference = (one, other, width, height) => {
    const map = new ImageData(width, height);
    const ninths = Array.from({ length: 9 }, () => [0, 0]);
    let sum = 0;
    for (let n = 0; n < one.length; n += 4) {
      const far = (Math.abs(one[n] - other[n]) + Math.abs(one[n + 1] - other[n + 1]) + Math.abs(one[n + 2] - other[n + 2])) / 3;
      sum += far;
      const [x, y] = [(n / 4) % width, Math.floor(n / 4 / width)];
      const ninth = ninths[Math.min(2, Math.floor((3 * y) / height)) * 3 + Math.min(2, Math.floor((3 * x) / width))];
      ninth[0] += far;
      ninth[1] += 1;
      map.data.set([214, 60, 40, Math.min(255, far * 2.4)], n);
    }
    const means = ninths.map(([total, many]) => total / Math.max(1, many));
    return { map, mean: (100 * sum) / (one.length / 4) / 255, where: means.indexOf(Math.max(...means)) };
  };

  const measure = async () => {
    const pane = by(".cmp-slide");
    const [under, over] = [by("img", pane), by("img.over", pane)];
    await Promise.all([under.decode(), over.decode()]);
    const shrink = Math.min(1, 768 / under.naturalWidth);
    const [width, height] = [Math.round(under.naturalWidth * shrink), Math.round(under.naturalHeight * shrink)];
    const { map, mean, where } = difference(pixels(under, width, height), pixels(over, width, height), width, height);
    const sized = under.naturalWidth !== over.naturalWidth || under.naturalHeight !== over.naturalHeight;
    const place = srpo.say(`script-place-${where}`);
    const said = mean ? srpo.say("script-pixels", { percent: mean.toFixed(1), place }) : srpo.say("script-pixels-same");
    measured = { key: pair.join(), said: sized ? `${said} ${srpo.say("script-pixels-scaled")}` : said };
    by(".cmp-pixels").textContent = measured.said;
    const heat = by("canvas.heat", pane);
    Object.assign(heat, { width, height, hidden: false });
    heat.getContext("2d").putImageData(map, 0, 0);
    moved();
  };

  // --- Drawing ---------------------------------------------------------------------------------

  srpo.compare.look = (way, anew) => {
    const parts = way === "side"
      ? [order(state.row).map((column) => cellAt(state.row, column)?.file), state.differ]
      : choices().map((one) => one.value);
    const now = signature(parts);
    if (!anew && now === drawn && by(".cmp-panes, .cmp-slider")) return;
    const focus = document.activeElement?.dataset?.look;
    drawn = now;
    by(".cmp-look").replaceChildren(...(way === "side" ? side() : slider()).filter(Boolean));
    moved();
    if (focus) by(`[data-look="${focus}"]:not(:disabled)`)?.focus();
  };

  const acts = {
    before: () => srpo.compare.go(state.row - 1, state.column, false),
    after: () => srpo.compare.go(state.row + 1, state.column, false),
    in: () => zoom(1.4),
    out: () => zoom(1 / 1.4),
    fit: whole,
    pixels: measure,
  };
  document.addEventListener("click", (event) => {
    const act = event.target.closest?.("[data-look]")?.dataset.look;
    if (!acts[act]) return;
    acts[act]();
    if (act === "before" || act === "after") srpo.compare.draw(true);
  });
  document.addEventListener("change", (event) => {
    const n = event.target.dataset?.pair;
    if (n === undefined) return;
    pair[n] = event.target.value;
    srpo.compare.draw(true);
    by(`[data-pair="${n}"]`)?.focus();
  });
})();
