/* The table of a set: cells as they stand, keys through them, picks, the blind test, its menus. */
(() => {
  const by = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const el = (tag, more = {}, ...inside) => {
    const { data = {}, aria = {}, ...rest } = more;
    const node = Object.assign(document.createElement(tag), rest);
    Object.assign(node.dataset, data);
    for (const [name, value] of Object.entries(aria)) node.setAttribute(`aria-${name}`, value);
    node.append(...inside.filter((one) => one !== null && one !== undefined && one !== ""));
    return node;
  };

  const hub = srpo.channel();
  let nodes = new Map();
  let headings = "";
  const state = { table: null, page: 0, row: 0, column: 0, way: "grid", blind: false, differ: null, shares: false };
  const hear = {};
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const stage = () => by(".cmp-stage");
  const key = (row, column, page = state.page) => `${page}.${row}.${column}`;
  // A cell comes as text, and is read when it is another than before.
  const read = new Map();
  const parsed = (text) => {
    if (text === undefined) return undefined;
    if (!read.has(text)) read.set(text, JSON.parse(text));
    return read.get(text);
  };
  // What no cell says any more is forgotten.
  const forget = (cells) => {
    const said = new Set(cells);
    for (const text of read.keys()) if (!said.has(text)) read.delete(text);
  };
  const cellAt = (row, column, page) => parsed(state.table?.cells[key(row, column, page)]);
  const ringed = (share) => {
    const ring = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    ring.setAttribute("viewBox", "0 0 44 44");
    ring.setAttribute("class", `ring${share ? "" : " unsure"}`);
    ring.setAttribute("aria-hidden", "true");
    for (const part of ["", "done"]) {
      const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of Object.entries({ cx: 22, cy: 22, r: 19, pathLength: 100 }))
        circle.setAttribute(name, value);
      if (part) {
        circle.setAttribute("class", part);
        circle.setAttribute("stroke-dasharray", `${Math.round(100 * (share || 0.3))} 100`);
      }
      ring.append(circle);
    }
    return ring;
  };

  // --- Where things stand in the table ---------------------------------------------------------

  // A blind test shows each row's columns in an order of its own.
  const order = (row) => state.blind && state.table.orders[`${state.page}.${row}`]
    || state.table.columns.map((_, column) => column);
  const named = (row, column) => [state.blind ? "" : state.table.columns[column], state.table.rows[row]]
    .filter(Boolean).join(", ");
  const ids = () => state.table.rows.flatMap((_, row) =>
    order(row).map((column) => cellAt(row, column)?.entry).filter(Boolean));

  // --- A cell ----------------------------------------------------------------------------------

  const acts = (cell) => el("p", { className: "acts" }, ...cell.acts.map((act) =>
    el("button", { type: "button", className: "quiet", textContent: act.label,
      data: { cell: JSON.stringify(act) } })));

  const starred = (row, column) => state.table.picks[`${state.page}.${row}`] === column;

  const inside = (row, column, cell) => {
    const name = named(row, column) || srpo.say("script-image");
    const said = cell.entry ? srpo.say("script-open", { name }) : srpo.say("script-cell", { name, state: cell.said });
    const open = el("button", { type: "button", className: "cmp-open", tabIndex: -1,
      aria: { label: cell.why ? srpo.say("script-because", { said, reason: cell.why }) : said } });
    if (cell.entry) {
      open.append(el("img", { src: cell.thumb, alt: "", width: cell.size[0], height: cell.size[1],
        loading: "lazy", decoding: "async" }));
      if (cell.sandbox) open.append(el("span", { className: "tag", textContent: srpo.say("script-sandbox") }));
      const pick = el("button", { type: "button", className: "cmp-star", tabIndex: -1, textContent: "★",
        title: srpo.say("script-pick-hint"), aria: { label: srpo.say("script-pick"), pressed: starred(row, column) } });
      return [open, pick];
    }
    if (cell.preview) open.append(el("img", { src: cell.preview, alt: "", className: "draft" }));
    if (cell.state === "running" || cell.state === "sending") {
      open.append(ringed(cell.done), el("span", { className: "cmp-left-s", textContent: cell.said }));
    } else if (cell.why) {
      open.append(el("span", { className: "cmp-why", textContent: cell.why, title: cell.why }));
    } else open.append(el("span", { textContent: cell.said }));
    return cell.acts.length ? [open, acts(cell)] : [open];
  };

  const fillCell = (row, column) => {
    const place = key(row, column);
    const known = nodes.get(place);
    const said = state.table.cells[place];
    if (!known || !said) return;
    const text = `${said}${starred(row, column)}${state.blind}`;
    if (known.text === text) return;
    const cell = cellAt(row, column);
    const focused = known.node.contains(document.activeElement);
    // Only the ring and its words move while an image is made.
    const steady = (one) => JSON.stringify({ ...one, done: 0, said: "", preview: "" });
    if (known.cell && known.cell.state === "running" && steady(known.cell) === steady(cell)
      && Boolean(known.cell.preview) === Boolean(cell.preview) && Boolean(known.cell.done) === Boolean(cell.done)) {
      by(".cmp-left-s", known.node).textContent = cell.said;
      by("circle.done", known.node).setAttribute("stroke-dasharray", `${Math.round(100 * (cell.done || 0.3))} 100`);
      if (cell.preview && cell.preview !== known.cell.preview) by("img.draft", known.node).src = cell.preview;
    } else {
      known.node.replaceChildren(...inside(row, column, cell));
      known.node.dataset.state = cell.state;
      known.node.toggleAttribute("data-flagged", Boolean(cell.flagged));
      known.node.classList.toggle("picked", starred(row, column));
    }
    known.text = text;
    known.cell = cell;
    if (row === state.row && column === state.column) mark(focused);
  };

  // --- The table -------------------------------------------------------------------------------

  const build = () => {
    const { columns, rows, heads } = state.table;
    nodes = new Map();
    const bare = rows.length === 1 && !rows[0];
    const head = el("tr", {}, bare ? "" : el("td", { className: "cmp-corner" }), ...columns.map((name, n) =>
      el("th", { scope: "col" }, el("span", { textContent: state.blind ? letters[n] ?? n + 1 : name, title: state.blind ? "" : name }),
        el("small", { textContent: state.blind ? "" : heads[n] }))));
    const body = rows.map((name, row) => el("tr", {},
      bare ? "" : el("th", { scope: "row" }, el("span", { textContent: name, title: name })),
      ...order(row).map((column) => {
        const node = el("td", { className: "cmp-cell", data: { row, column } });
        nodes.set(key(row, column), { node, text: "", cell: null });
        return node;
      })));
    const table = el("table", { className: `cmp-table${columns.length > 4 ? " many" : ""}` },
      el("caption", { className: "spoken", textContent: state.table.title }),
      el("thead", {}, head), el("tbody", {}, ...body));
    table.style.setProperty("--columns", columns.length);
    by(".cmp-look").replaceChildren(el("div", { className: "cmp-scroll", tabIndex: -1 }, table));
  };

  const drawGrid = (anew) => {
    const { columns, rows } = state.table;
    const within = Boolean(document.activeElement?.closest(".cmp-cell"));
    if (anew || !by(".cmp-table")) build();
    by(".cmp-table").style.setProperty("--wide", state.table.shape[0] / state.table.shape[1]);
    all(".cmp-table thead small").forEach((small, n) => {
      if (!state.blind) small.textContent = state.table.heads[n];
    });
    rows.forEach((_, row) => columns.forEach((_, column) => fillCell(row, column)));
    // A table that is built anew keeps the focus where it was.
    mark(within && !document.activeElement?.closest(".cmp-cell"));
  };

  const mark = (focus) => {
    all(".cmp-cell.at").forEach((cell) => {
      cell.classList.remove("at");
      all(".cmp-open, .cmp-star", cell).forEach((one) => { one.tabIndex = -1; });
    });
    const node = nodes.get(key(state.row, state.column))?.node;
    if (!node) return;
    node.classList.add("at");
    all(".cmp-open, .cmp-star", node).forEach((one) => { one.tabIndex = 0; });
    if (focus) by(".cmp-open", node)?.focus();
  };

  const go = (row, column, focus = true) => {
    const moved = row !== state.row;
    Object.assign(state, { row, column });
    mark(focus);
    if (moved) differ();
  };

  const open = (row, column) => {
    const cell = cellAt(row, column);
    if (!cell?.entry) return;
    if (srpo.view) srpo.view(cell.entry, ids());
    else window.open(cell.file, "_blank");
  };

  const pick = (row, column) => {
    if (!cellAt(row, column)?.entry) return;
    const { id, picks } = state.table;
    const place = `${state.page}.${row}`;
    if (picks[place] === column) delete picks[place];
    else picks[place] = column;
    promise(place, picks[place] ?? null);
    draw(false);
    hub("alter", { set: id, do: "pick", row, column, page: state.page });
  };

  // --- What differs, what was picked -----------------------------------------------------------

  let asked;
  const differ = () => {
    clearTimeout(asked);
    asked = setTimeout(() => {
      if (state.table?.id) hub("differ", { set: state.table.id, row: state.row, page: state.page });
    }, 150);
  };

  const questions = () => {
    const { rows, pages, columns } = state.table;
    const found = [];
    pages.forEach((_, page) => rows.forEach((_, row) => {
      const there = columns.filter((_, column) => cellAt(row, column, page)?.entry);
      if (there.length > 1) found.push(`${page}.${row}`);
    }));
    return found;
  };

  const shares = () => {
    const { shares: found } = state.table;
    return el("table", { className: "cmp-shares" },
      el("caption", { textContent: srpo.say("script-shares", { count: found[0]?.of ?? 0 }) }),
      el("thead", {}, el("tr", {}, ...["script-share-column", "script-share-picks", "script-share"].map((name) =>
        el("th", { scope: "col", textContent: srpo.say(name) })))),
      el("tbody", {}, ...found.map((one) => {
        const bar = el("i");
        bar.style.left = `${100 * one.low}%`;
        bar.style.width = `${100 * (one.high - one.low)}%`;
        return el("tr", {}, el("th", { scope: "row", textContent: one.target }),
          el("td", { textContent: one.picks }),
          el("td", {}, el("span", { className: "cmp-bar" }, bar), ` ${one.said}`));
      })));
  };

  const foot = () => {
    const { table, differ: found } = state;
    const box = by(".cmp-foot");
    const parts = [];
    const picked = questions().filter((place) => place in table.picks).length;
    const left = questions().length - picked;
    if (state.blind && left) {
      parts.push(el("p", { textContent: srpo.say("script-blind-left", { left }) }));
    } else {
      const here = found && found.set === table.id && found.row === state.row && found.page === state.page;
      if (!state.blind && here && found.rows.length)
        parts.push(el("p", {}, `${srpo.say("script-different")} `, el("b", { textContent: found.rows.map((one) => one.name.replaceAll("_", " ")).join(", ") })));
      if (!state.blind) parts.push(...table.notes.map((note) => el("p", { textContent: note })));
    }
    const told = Boolean(picked) && !(state.blind && left);
    const open = told && state.shares;
    const count = srpo.say("script-picked", { count: picked });
    const focused = Boolean(document.activeElement?.closest("button.cmp-picked"));
    // Intervals take room of the table: they are shown when a blind test ends, or on demand.
    parts.push(told ? el("button", { type: "button", className: "cmp-picked", textContent: count,
      data: { cmp: "shares" }, aria: { expanded: open } }) : el("p", { className: "cmp-picked", textContent: count }));
    if (open) parts.push(shares());
    box.replaceChildren(...parts);
    if (focused) by("button.cmp-picked", box)?.focus();
    // The last pick of a blind test says what the columns were.
    if (state.blind && !left && picked) reveal();
  };

  const reveal = () => {
    Object.assign(state, { blind: false, shares: true });
    press("grid");
    draw(true);
  };

  // --- All of the stage ------------------------------------------------------------------------

  const press = (way) => {
    state.way = way === "blind" ? "grid" : way;
    all("[data-way]").forEach((button) =>
      button.setAttribute("aria-pressed", button.dataset.way === (state.blind ? "blind" : state.way)));
  };

  const pages = () => {
    const { pages: names } = state.table;
    const box = by(".cmp-pages");
    box.hidden = names.length < 2;
    if (box.hidden) return;
    box.replaceChildren(...names.map((name, page) => el("button", { type: "button", className: "pill",
      textContent: name, data: { page }, aria: { pressed: page === state.page } })));
  };

  const offered = () => {
    const { table } = state;
    const shown = { pause: table.waiting && !table.paused, "go-on": table.paused, cancel: table.waiting, retry: table.retry };
    for (const [name, on] of Object.entries(shown)) by(`#compare-more [data-cmp="${name}"]`).hidden = !on;
    if (table.retry) by('#compare-more [data-cmp="retry"]').textContent = table.retry.label;
    addresses();
  };

  const addresses = () => all("#compare-stage [data-file]").forEach((link) => {
    const names = by("#compare-names").value;
    const more = { "sheet.png": `?page=${state.page}`, "images.zip": `?names=${encodeURIComponent(names)}` };
    link.href = (state.table.files[link.dataset.file] ?? "") + (more[link.dataset.file] ?? "");
  });

  const draw = (anew) => {
    const { table } = state;
    const there = Boolean(table?.id);
    stage().classList.toggle("empty", !there);
    by(".cmp-ways").hidden = !there;
    const title = by("#compare-title");
    title.hidden = !there;
    if (!there) {
      by(".cmp-look").replaceChildren();
      by(".cmp-foot").replaceChildren();
      by(".cmp-total").textContent = "";
      by(".cmp-pages").hidden = true;
      return;
    }
    if (document.activeElement !== title) title.value = table.title;
    by(".cmp-total").textContent = table.paused ? srpo.say("script-paused", { total: table.total }) : table.total;
    pages();
    offered();
    if (state.way === "grid") drawGrid(anew);
    else compare.look(state.way, anew);
    foot();
  };

  // What was done here and is on its way to the server stands until the server says the same.
  const pending = new Map();
  const promise = (name, value) => pending.set(name, { value, until: performance.now() + 8000 });
  const kept = (name, said) => {
    const mine = pending.get(name);
    if (mine === undefined) return said;
    if (mine.value !== said && performance.now() < mine.until) return mine.value;
    pending.delete(name);
    return said;
  };
  const settled = (table) => {
    table.title = kept("title", table.title);
    for (const name of [...pending.keys()]) {
      if (name === "title") continue;
      const column = kept(name, table.picks[name] ?? null);
      if (column === null) delete table.picks[name];
      else table.picks[name] = column;
    }
    return table;
  };

  hear.table = (news) => {
    const gone = !news.id;
    if (news.id !== state.table?.id) pending.clear();
    // A plain copy: what Gradio hands over watches every access.
    const about = gone ? {} : JSON.parse(news.about);
    const listed = about.title;
    const value = gone ? { ...news } : settled({ id: news.id, ...about, listed, cells: { ...news.cells } });
    if (gone && state.table && value.gone !== state.table.id) return;
    const before = state.table;
    const other = value.id !== before?.id;
    state.table = gone ? null : value;
    if (other) Object.assign(state, { page: 0, row: 0, column: 0, differ: null, blind: false, shares: false });
    if (other) press("grid");
    if (other && by(".cmp-link")) {
      link = "";
      by(".cmp-link").hidden = true;
    }
    if (!gone) localStorage.setItem("srpo-compare-set", value.id);
    else localStorage.removeItem("srpo-compare-set");
    const text = JSON.stringify([value.id, value.columns, value.rows, value.pages]);
    const cells = Object.values(value.cells ?? {});
    forget(cells);
    value.finished = cells.filter((text) => parsed(text).entry).length;
    const anew = text !== headings;
    headings = text;
    draw(anew);
    if (!gone && (other || before.finished !== value.finished)) differ();
    if (gone || other || before?.state !== value.state || before?.listed !== value.listed) hub("overview", {});
  };

  hear.differ = (value) => {
    state.differ = value;
    if (state.table?.id) draw(false);
  };

  // A link is told once, and stands here until it is revoked or another set is opened.
  let link = "";
  hear.link = (value) => {
    const box = by(".cmp-link");
    if (!box || value.set !== state.table?.id) return;
    link = value.link || (value.open ? link : "");
    box.hidden = !value.open;
    for (const part of all("label, label + p", box)) part.hidden = !link;
    const field = by("input", box);
    field.value = link && new URL(link, document.baseURI).href;
    by("span", box).textContent = value.open;
    if (!value.link) return;
    box.scrollIntoView({ block: "nearest" });
    copied(field).catch(() => field.select()); // where the browser does not let the page
  };
  const copied = async (field) => {
    await srpo.copy(field.value);
    field.select();
    const button = by('#compare-more [data-cmp="publish"]');
    const label = button.textContent;
    if (label === srpo.texts.copied) return;
    button.textContent = srpo.texts.copied;
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  const links = (what) => hub("links", { set: state.table.id, do: what });

  const sets = (found) => {
    const box = by("#compare-sets");
    if (!found.length) return box.replaceChildren(el("p", { textContent: srpo.say("script-no-set") }));
    box.replaceChildren(...found.map((one) => el("button", { type: "button", data: { show: one.id },
      aria: { current: one.id === state.table?.id } },
    el("span", { textContent: one.title }), el("small", { textContent: one.state }))));
  };

  // --- Keys and clicks -------------------------------------------------------------------------

  document.addEventListener("keydown", (event) => {
    const cell = event.target.closest?.(".cmp-cell");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
    const across = order(row);
    const at = across.indexOf(column);
    const last = state.table.rows.length - 1;
    const to = {
      ArrowLeft: [row, across[Math.max(0, at - 1)]],
      ArrowRight: [row, across[Math.min(across.length - 1, at + 1)]],
      ArrowUp: [Math.max(0, row - 1), order(Math.max(0, row - 1))[at]],
      ArrowDown: [Math.min(last, row + 1), order(Math.min(last, row + 1))[at]],
      Home: [row, across[0]],
      End: [row, across.at(-1)],
    }[event.key];
    if (to) {
      event.preventDefault();
      event.stopPropagation();
      go(...to);
    } else if (event.key === "p" || event.key === "P") pick(row, column);
  });

  const orders = {
    pause: () => hub("alter", { set: state.table.id, do: "pause" }),
    "go-on": () => hub("alter", { set: state.table.id, do: "go-on" }),
    cancel: () => hub("alter", { set: state.table.id, do: "cancel" }),
    async retry() {
      const { price, ask } = state.table.retry;
      if (ask && !(await srpo.ask(ask))) return;
      hub("alter", { set: state.table.id, do: "retry", price: price ?? null, asked: Boolean(ask) });
    },
    shares() {
      state.shares = !state.shares;
      foot();
    },
    publish: () => links("publish"),
    unpublish: () => links("unpublish"),
    extend: () => hub("fill", { set: state.table.id, how: "extend" }),
    again: () => hub("fill", { set: state.table.id, how: "again" }),
    async delete() {
      const question = { title: srpo.say("script-delete-set"), text: srpo.say("script-delete-set-text"),
        yes: srpo.say("script-delete-set-yes"), no: srpo.say("script-keep"), stern: true };
      if (await srpo.ask(question)) hub("alter", { set: state.table.id, do: "delete" });
    },
  };

  const look = async (way) => {
    if (way === "blind" && Object.keys(state.table.picks).length) {
      const question = { title: srpo.say("script-blind-title"), text: srpo.say("script-blind-text"),
        yes: srpo.say("script-blind-yes"), no: srpo.say("script-not-now") };
      if (!(await srpo.ask(question))) return;
      state.table.picks = {};
      hub("alter", { set: state.table.id, do: "blind" });
    }
    state.blind = way === "blind";
    press(way);
    draw(true);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("#compare-stage button, #compare-stage a");
    if (!button) return;
    const data = button.dataset;
    const cell = button.closest(".cmp-cell");
    if (button.closest("[popover]") && !data.file && !("stay" in data)) button.closest("[popover]").hidePopover();
    if (data.cell) {
      const { label, ask, ...act } = JSON.parse(data.cell);
      if (ask && !(await srpo.ask({ title: label, text: ask, yes: label, no: srpo.say("script-not-now") }))) return;
      hub("act", { ...act, set: state.table.id, asked: Boolean(ask) });
    } else if (cell) {
      const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
      go(row, column, true);
      if (button.classList.contains("cmp-star")) pick(row, column);
      else open(row, column);
    } else if (data.way) look(data.way);
    else if (data.page) {
      Object.assign(state, { page: Number(data.page), row: 0, column: 0 });
      draw(true);
      differ();
    } else if (data.show) hub("show", { set: data.show });
    else if (orders[data.cmp]) orders[data.cmp]();
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "compare-title" || !state.table?.id) return;
    state.table.title = event.target.value.trim().replace(/\s+/g, " ");
    promise("title", state.table.title);
    hub("alter", { set: state.table.id, do: "rename", title: event.target.value });
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "compare-title" && event.key === "Enter") event.target.blur();
  });
  // What is wrong with the names is said at their field; a download that fails says nothing.
  let typed;
  const checked = async () => {
    const answer = await fetch(`${by('[data-file="images.zip"]').getAttribute("href")}&check`);
    const said = answer.ok ? [] : [el("p", { className: "cmp-wrong", textContent: await answer.text() })];
    by('#compare-more [data-slot="names"]').replaceChildren(...said);
  };
  document.addEventListener("input", (event) => {
    if (event.target.id !== "compare-names") return;
    addresses();
    clearTimeout(typed);
    typed = setTimeout(checked, 250);
  });
  document.addEventListener("beforetoggle", (event) => {
    const pop = event.target;
    if (event.newState !== "open" || !pop.matches?.(".cmp-menu")) return;
    if (by(".cmp-link", pop)) links("count");
    const opener = by(`[popovertarget="${pop.id}"]`).getBoundingClientRect();
    // Where there is little room below its button, it lies over it: nothing of it is out of reach.
    const below = opener.bottom + 6;
    const top = innerHeight - below >= 0.6 * innerHeight ? below : 0.2 * innerHeight;
    pop.style.top = `${top}px`;
    pop.style.maxHeight = `${Math.min(0.78 * innerHeight, innerHeight - top - 12)}px`;
    pop.style.right = `${Math.max(8, document.documentElement.clientWidth - opener.right)}px`;
  }, true);

  const compare = { by, all, el, state, hear, cellAt, order, draw, go, letters, sets, look() {},
    connect(trigger, up) {
      hub.connect(trigger);
      compare.upload = up;
    },
    hub,
    told(name, value) {
      if (value && Object.keys(value).length) hear[name]?.(value);
    },
  };
  window.srpo.compare = compare;
})();
