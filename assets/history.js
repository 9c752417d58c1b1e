/* The history's grid: as high as the whole history, while only what is visible is in the page. */
window.srpo.history = (() => {
  const GAP = 10;
  const FIRST = 60; // images that come with the first answer
  const BLOCK = 20_000; // ids that come at once
  const AT_ONCE = 120; // images whose facts are asked for at once
  const KEPT = 4_000; // images whose facts are remembered
  const STORE = "srpo-history";

  const state = {
    wanted: {}, order: [], total: 0, whole: false, lead: 0, columns: 1, size: 148, inset: 0, at: 0,
    chosen: "", turn: 0, stale: true, opened: false, place: null, trouble: "",
  };
  const known = new Map(); // facts by id, the latest used last
  const asked = new Set(); // ids whose facts are on their way
  const cells = new Map(); // nodes by id, or by place where the id is not known yet
  const spare = [];
  const listeners = [];
  let hub = () => {};
  let key = null;
  let root, pane, list, note;

  const by = (selector, under = root) => under.querySelector(selector);
  const el = (tag, more = {}, ...inside) => {
    const { data = {}, aria = {}, ...rest } = more;
    const node = Object.assign(document.createElement(tag), rest);
    Object.assign(node.dataset, data);
    for (const [name, value] of Object.entries(aria)) node.setAttribute(`aria-${name}`, value);
    node.append(...inside.filter((one) => one !== null && one !== undefined && one !== ""));
    return node;
  };
  const number = (count) => count.toLocaleString(document.documentElement.lang || "en");
  const say = (name, values = {}) => {
    const texts = srpo.texts.gallery;
    const text = (values.count === 1 && texts[`${name}-one`]) || texts[name];
    const told = (value) => (typeof value === "number" ? number(value) : value);
    return text.replace(/\{(\w+)\}/g, (all, one) => (one in values ? told(values[one]) : all));
  };
  const shown = () => Boolean(pane?.clientWidth);
  const tell = (event, detail) => listeners.forEach((one) => one(event, detail));

  // --- Asking the server, not through Gradio's queue ------------------------------------------

  // What this page may ask for is in a key that the server made for whoever opened the page.
  let waiting = null;
  const open = srpo.channel();
  const newKey = () => {
    waiting ??= {};
    waiting.promise ??= new Promise((done) => {
      waiting.done = done;
      open();
    });
    return waiting.promise;
  };
  const ask = async (name, body = {}, again = true) => {
    key ??= await newKey();
    const headers = { "Content-Type": "application/json", "X-SRPO-Gallery": key };
    let answer;
    try {
      answer = await fetch(`gallery/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
    } catch {
      throw new Error(say("offline"));
    }
    if (answer.status === 401 && again) {
      key = null;
      return ask(name, body, false);
    }
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return told;
    throw Object.assign(new Error(told.detail || say("offline")), { field: told.field });
  };

  // --- What is known of images ----------------------------------------------------------------

  const learn = (entries) => {
    for (const entry of entries) {
      known.delete(entry.id);
      known.set(entry.id, entry);
    }
    for (const id of known.keys()) {
      if (known.size <= KEPT) break;
      known.delete(id);
    }
  };

  let planned = 0;
  const fetchSoon = () => {
    clearTimeout(planned);
    planned = setTimeout(fetchVisible, 60);
  };
  const fetchVisible = async () => {
    const [from, to] = range(1);
    const ids = state.order.slice(from, to).filter((id) => !known.has(id) && !asked.has(id));
    if (!ids.length) return;
    const part = ids.slice(0, AT_ONCE);
    const trash = Boolean(state.wanted.trash);
    part.forEach((id) => asked.add(id));
    try {
      const { entries } = await ask("entries", { ids: part, trash });
      learn(entries);
      for (const id of part) if (!known.has(id)) learn([{ id, gone: true, prompt: "", thumbnail: "" }]);
    } catch (error) {
      trouble(error.message);
      return;
    } finally {
      part.forEach((id) => asked.delete(id));
    }
    draw();
    if (ids.length > part.length) fetchSoon();
  };

  // --- Where things are -----------------------------------------------------------------------

  const pitch = () => state.size + GAP;
  const slot = (index) => state.lead + index;
  const row = (index) => Math.floor(slot(index) / state.columns);
  const rows = () => Math.ceil((state.lead + state.total) / state.columns);
  // The images in sight and `screens` above and below.
  const range = (screens) => {
    const high = pane.clientHeight || innerHeight;
    const first = Math.floor((pane.scrollTop - state.inset - screens * high) / pitch());
    const last = Math.ceil((pane.scrollTop - state.inset + (1 + screens) * high) / pitch());
    const clamp = (index) => Math.min(Math.max(index, 0), state.total);
    return [clamp(first * state.columns - state.lead), clamp(last * state.columns - state.lead)];
  };
  const inSight = () => {
    const first = Math.floor((pane.scrollTop - state.inset + pitch() / 2) / pitch());
    return Math.min(Math.max(first * state.columns - state.lead, 0), Math.max(state.total - 1, 0));
  };

  const measure = () => {
    const style = getComputedStyle(list);
    const wide = list.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const least = wide < 420 ? 104 : 148;
    state.columns = Math.max(Math.floor((wide + GAP) / (least + GAP)), 2);
    state.size = Math.floor((wide - GAP * (state.columns - 1)) / state.columns);
    state.inset = list.offsetTop;
    list.style.setProperty("--size", `${state.size}px`);
  };

  // Another width has other columns; the image in the first row stays there.
  const resized = () => {
    if (!shown()) return;
    const before = [state.columns, state.size];
    const anchor = inSight();
    measure();
    if (before[0] !== state.columns || before[1] !== state.size) {
      const top = pane.scrollTop < 2;
      state.lead = 0;
      height();
      if (!top) pane.scrollTop = row(anchor) * pitch();
    }
    draw();
  };

  const height = () => {
    list.style.height = `${Math.max(rows() * pitch() - GAP, 0)}px`;
  };

  // --- Cells ----------------------------------------------------------------------------------

  const newCell = () => {
    const image = el("img", { alt: "", decoding: "async", draggable: false });
    const button = el("button", { type: "button", className: "thumb" }, image);
    const tick = el("button", { type: "button", className: "tick", tabIndex: -1, textContent: "✓" });
    const node = el("div", { className: "cell" }, button, tick);
    node.setAttribute("role", "listitem");
    const cell = { node, image, button, tick, id: "", index: -1, src: "", told: null, stamp: "", total: -1 };
    image.addEventListener("load", () => node.classList.add("there"));
    image.addEventListener("error", () => {
      if (!cell.src) return;
      node.classList.add("lost");
      label(cell);
    });
    return cell;
  };

  const label = (cell) => {
    const entry = known.get(cell.id);
    const lost = entry?.gone ? say("gone") : cell.node.classList.contains("lost") ? say("lost") : "";
    const { button } = cell;
    button.querySelector(".lost-of")?.remove();
    if (lost) button.append(el("span", { className: "lost-of", textContent: lost }));
  };

  const put = (cell, id, index) => {
    const { node, button, image } = cell;
    if (cell.id !== id) {
      cell.id = id;
      if (id) node.dataset.entry = button.dataset.entry = id;
      else {
        delete node.dataset.entry;
        delete button.dataset.entry;
      }
      cell.told = null;
      cell.src = "";
      image.removeAttribute("src");
      node.classList.remove("there", "lost");
    }
    const entry = known.get(id);
    // While somebody scrolls most cells stay as they are.
    const stamp = `${index} ${state.lead} ${state.columns} ${state.size} ${id === state.chosen}`;
    if (cell.told && cell.told === entry && cell.stamp === stamp) return;
    cell.stamp = stamp;
    if (cell.told !== entry || !entry) {
      cell.told = entry;
      button.toggleAttribute("data-flagged", Boolean(entry?.flagged));
      button.title = entry?.prompt ?? "";
      image.alt = entry?.prompt || say("unread");
      button.querySelectorAll(".star, .tag").forEach((one) => one.remove());
      if (entry?.starred) {
        const star = el("span", { className: "star", textContent: "★", aria: { label: say("chip-starred") } });
        star.setAttribute("role", "img");
        button.append(star);
      }
      if (entry?.tag) button.append(el("span", { className: "tag", textContent: entry.tag }));
      if (entry && cell.src !== entry.thumbnail) {
        cell.src = entry.thumbnail;
        node.classList.remove("there", "lost");
        if (cell.src) image.src = cell.src;
      }
      label(cell);
    }
    if (cell.index !== index) {
      cell.index = index;
      node.setAttribute("aria-posinset", index + 1);
    }
    const column = slot(index) % state.columns;
    node.style.top = `${row(index) * pitch()}px`;
    node.style.left = `${column * pitch()}px`;
    button.classList.toggle("chosen", Boolean(id) && id === state.chosen);
    button.setAttribute("aria-current", Boolean(id) && id === state.chosen);
    tell("put", { cell, id, entry });
  };

  let painted = 0;
  const draw = () => {
    cancelAnimationFrame(painted);
    painted = 0;
    if (!shown() || !state.opened) return;
    height();
    const [from, to] = range(0.6);
    const needed = new Map();
    for (let index = from; index < to; index += 1) needed.set(state.order[index] ?? `#${index}`, index);
    const focused = document.activeElement?.closest?.(".cell");
    for (const [name, cell] of cells) {
      if (needed.has(name)) continue;
      // What has the focus stays, however far it is scrolled away.
      const place = cell.node === focused ? state.order.indexOf(cell.id) : -1;
      if (place >= 0) needed.set(name, place);
      else {
        cells.delete(name);
        spare.push(cell);
      }
    }
    for (const [name, index] of needed) {
      let cell = cells.get(name);
      if (!cell) {
        cell = spare.pop() ?? newCell();
        cells.set(name, cell);
      }
      if (!cell.node.isConnected) list.append(cell.node);
      put(cell, state.order[index] ?? "", index);
      if (cell.total !== state.total) cell.node.setAttribute("aria-setsize", (cell.total = state.total));
    }
    for (const cell of spare) {
      if (cell.node.contains(document.activeElement)) pane.focus({ preventScroll: true });
      cell.node.remove();
      put(cell, "", -1);
    }
    stops();
    tellNote();
    if (state.order.slice(...range(1)).some((id) => !known.has(id) && !asked.has(id))) fetchSoon();
  };
  const drawSoon = () => { painted ||= requestAnimationFrame(draw); };

  // One image is the stop of the Tab key; arrows go on from it.
  const stops = () => {
    const here = cells.get(state.order[state.at]);
    const stop = here ?? cells.get(state.order[inSight()]);
    for (const cell of cells.values()) cell.button.tabIndex = cell === stop ? 0 : -1;
  };

  const tellNote = () => {
    let text = state.trouble;
    if (!text && !state.total && state.whole) {
      const places = ["trash", "sort", "collection"];
      const narrowed = Object.keys(state.wanted).some((name) => !places.includes(name));
      const { trash, collection } = state.wanted;
      text = say(narrowed ? "no-match" : trash ? "no-trash" : collection ? "no-collected" : "empty");
    }
    if (note.textContent !== text) note.textContent = text;
    note.hidden = !text;
    list.toggleAttribute("aria-busy", !state.whole && !state.total);
  };
  const trouble = (text) => {
    state.trouble = text;
    draw();
    tellNote();
  };

  // --- The order of images --------------------------------------------------------------------

  // Takes over another order; what is looked at keeps its place on the screen.
  const setOrder = (order, total, { slide = false } = {}) => {
    const top = pane.scrollTop < 4;
    const anchor = top ? -1 : inSight();
    const id = state.order[anchor];
    const before = anchor >= 0 ? { row: row(anchor), column: slot(anchor) % state.columns } : null;
    const focus = state.order[state.at];
    state.order = order;
    state.total = total;
    let now = id === undefined ? -1 : order.indexOf(id);
    if (before && now < 0 && id !== undefined) now = Math.min(anchor, Math.max(total - 1, 0));
    if (before && now >= 0) {
      state.lead = (((before.column - now) % state.columns) + state.columns) % state.columns;
      height();
      pane.scrollTop += (row(now) - before.row) * pitch();
    } else if (top) state.lead = 0;
    const at = focus === undefined ? -1 : order.indexOf(focus);
    state.at = at >= 0 ? at : Math.min(state.at, Math.max(total - 1, 0));
    if (slide && top) sliding();
    draw();
    tell("counted", { total: state.total, whole: state.whole });
  };

  let still = 0;
  const sliding = () => {
    list.classList.add("sliding");
    clearTimeout(still);
    still = setTimeout(() => list.classList.remove("sliding"), 350);
  };

  // Reads the history anew; `place` is where to go, as remember() wrote it.
  const load = async (place = null) => {
    const turn = ++state.turn;
    state.whole = false;
    state.trouble = "";
    try {
      const first = await ask("page", { wanted: state.wanted, limit: FIRST });
      if (turn !== state.turn) return;
      learn(first.entries);
      state.opened = true;
      state.stale = false;
      state.whole = first.count <= first.entries.length;
      if (!place) {
        state.lead = 0;
        state.at = 0;
        pane.scrollTop = 0;
      }
      setOrder(first.entries.map((one) => one.id), first.count);
      if (place) goTo(place);
      if (!state.whole) await inView();
      if (turn === state.turn) await rest(turn, place);
    } catch (error) {
      if (turn === state.turn) fail(error);
    }
  };
  const fail = (error) => {
    state.opened = true;
    state.stale = true;
    trouble(error.message);
  };

  // The images in sight come before the order of all others.
  const inView = () => {
    const images = [...list.querySelectorAll("img")].filter((one) => !one.complete);
    const loaded = images.map((one) => new Promise((done) => {
      for (const name of ["load", "error"]) one.addEventListener(name, done, { once: true });
    }));
    return Promise.race([Promise.all(loaded), new Promise((done) => setTimeout(done, 500))]);
  };

  const rest = async (turn, place = null) => {
    const ids = [...state.order];
    while (!state.whole) {
      const last = ids[ids.length - 1] ?? "";
      const found = await ask("order", { wanted: state.wanted, before: last, limit: BLOCK });
      if (turn !== state.turn) return;
      for (const id of found.ids) ids.push(id);
      state.whole = found.ids.length < BLOCK;
      setOrder([...ids], state.whole ? ids.length : Math.max(state.total, ids.length));
      if (place && ids.includes(place.id)) place = void goTo(place);
    }
  };

  // What was made or deleted elsewhere: new images come on top, or all is read again.
  const refresh = async () => {
    if (!state.opened || !state.whole) return load(state.opened ? remembered() : state.place);
    const turn = ++state.turn;
    try {
      const first = await ask("page", { wanted: state.wanted, limit: FIRST });
      if (turn !== state.turn) return;
      learn(first.entries);
      state.stale = false;
      state.trouble = "";
      const ids = first.entries.map((one) => one.id);
      const at = state.order.length ? ids.indexOf(state.order[0]) : ids.length;
      const added = ids.slice(0, Math.max(at, 0));
      const known = state.order.slice(0, ids.length - added.length);
      const same = at >= 0 && known.every((id, n) => id === ids[n + at]);
      if (same && first.count === state.order.length + added.length) {
        setOrder([...added, ...state.order], first.count, { slide: added.length > 0 });
        return;
      }
      const before = state.order;
      const order = [...ids];
      let whole = first.count <= ids.length;
      while (!whole) {
        const last = order[order.length - 1];
        const found = await ask("order", { wanted: state.wanted, before: last, limit: BLOCK });
        if (turn !== state.turn) return;
        for (const id of found.ids) order.push(id);
        whole = found.ids.length < BLOCK;
      }
      setOrder(order, order.length, { slide: true });
      if (state.chosen && before.includes(state.chosen) && !order.includes(state.chosen)) pick("");
    } catch (error) {
      if (turn === state.turn) trouble(error.message);
    }
  };

  // --- The place where somebody looks ---------------------------------------------------------

  const remembered = () => {
    const index = inSight();
    const within = pane.scrollTop - row(index) * pitch();
    return { id: state.order[index] ?? "", index, within, top: pane.scrollTop < 4 };
  };
  let keeping = 0;
  const remember = () => {
    if (!shown() || !state.opened || state.trouble) return;
    state.place = remembered();
    try {
      sessionStorage.setItem(STORE, JSON.stringify({ wanted: state.wanted, place: state.place }));
    } catch { /* Where nothing may be kept, the history opens at its top. */ }
  };
  const goTo = (place) => {
    if (place.top) return;
    const index = state.order.indexOf(place.id);
    pane.scrollTop = row(index < 0 ? Math.min(place.index, state.total - 1) : index) * pitch() + place.within;
    draw();
  };
  const recall = () => {
    try {
      return JSON.parse(sessionStorage.getItem(STORE)) ?? {};
    } catch {
      return {};
    }
  };

  // --- Choosing, keys -------------------------------------------------------------------------

  const pick = (id) => {
    state.chosen = id;
    drawSoon();
    hub("pick", { entry: id });
  };
  const view = (id) => srpo.view(id, state.order.length ? state.order : [id]);
  // On a phone there is no room beside the images; elsewhere a second click looks closer.
  const opened = (id) => {
    if (innerWidth <= 980 || id === state.chosen) view(id);
    else pick(id);
  };

  const show = (index) => {
    const top = row(index) * pitch() + state.inset - GAP;
    const end = top + state.size + 2 * GAP;
    if (top < pane.scrollTop) pane.scrollTop = index < state.columns ? 0 : top;
    else if (end > pane.scrollTop + pane.clientHeight) pane.scrollTop = end - pane.clientHeight;
  };
  const go = (index) => {
    if (!state.total) return;
    state.at = Math.min(Math.max(index, 0), state.total - 1);
    show(state.at);
    draw();
    cells.get(state.order[state.at] ?? `#${state.at}`)?.button.focus({ preventScroll: true });
    stops();
  };
  const page = () => Math.max(Math.floor(pane.clientHeight / pitch()), 1) * state.columns;
  const steps = {
    ArrowLeft: () => state.at - 1,
    ArrowRight: () => state.at + 1,
    ArrowUp: () => (state.at >= state.columns ? state.at - state.columns : state.at),
    ArrowDown: () => (state.at + state.columns < state.total ? state.at + state.columns : state.total - 1),
    PageUp: () => state.at - page(),
    PageDown: () => state.at + page(),
    Home: () => 0,
    End: () => state.total - 1,
  };
  const keys = (event) => {
    if (event.altKey || event.target.closest("input, select, textarea")) return;
    const step = steps[event.key];
    if (!step || ((event.ctrlKey || event.metaKey) && !["Home", "End"].includes(event.key))) return;
    event.preventDefault();
    const before = state.at;
    go(step());
    tell("moved", { from: before, to: state.at, shift: event.shiftKey });
  };

  // --- What changed elsewhere on the page -----------------------------------------------------

  const fresh = () => {
    state.stale = true;
    if (shown()) refresh();
  };
  // Images that are gone leave their place to their neighbours, and so does the chosen one.
  const removed = (ids) => {
    const gone = new Set(ids);
    const place = state.order.indexOf(state.chosen);
    const order = state.order.filter((id) => !gone.has(id));
    const less = state.order.length - order.length;
    for (const id of gone) known.delete(id);
    if (less) {
      state.turn += state.whole ? 1 : 0;
      setOrder(order, state.total - less);
    }
    if (gone.has(state.chosen)) pick(order[Math.min(Math.max(place, 0), order.length - 1)] ?? "");
  };
  const update = (id, facts) => {
    if (known.has(id)) learn([{ ...known.get(id), ...facts }]);
    if (id === state.chosen) hub("pick", { entry: id });
    drawSoon();
  };

  const made = () => [...document.querySelectorAll("figure[data-entry]")].map((one) => one.dataset.entry);
  const listen = () => {
    let before = new Set(made());
    new MutationObserver(() => {
      const now = made();
      if (now.every((id) => before.has(id))) return;
      before = new Set(now);
      fresh();
    }).observe(document.body, { childList: true, subtree: true });
    document.addEventListener("srpo:changed", ({ detail }) => {
      if (detail.erased) {
        removed([detail.id]);
        setTimeout(() => deleted([detail.id])); // the viewer closes first where it was the last one
      }
      else if (detail.made) fresh();
      else if (detail.id) update(detail.id, { starred: detail.starred });
      if (state.wanted.starred && !detail.erased) fresh();
    });
  };

  const arrive = () => {
    if (!state.columns || !list.clientWidth) return;
    measure();
    tell("arrived");
    if (!state.opened) {
      const before = recall();
      state.wanted = before.wanted ?? state.wanted;
      state.place = before.place ?? null;
      tell("wanted", state.wanted);
      load(state.place);
      return;
    }
    if (state.place) goTo(state.place);
    draw();
    refresh();
  };

  const build = () => {
    pane = by(".hist-pane");
    list = by(".grid");
    note = by(".note");
    pane.addEventListener("scroll", () => {
      if (!shown()) return;
      // At the top again, the first row is filled from its left.
      if (pane.scrollTop < 1 && state.lead) {
        state.lead = 0;
        sliding();
      }
      drawSoon();
      clearTimeout(keeping);
      keeping = setTimeout(remember, 120);
    }, { passive: true });
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button.thumb");
      const id = button?.dataset.entry;
      if (!id) return;
      state.at = Math.max(state.order.indexOf(id), 0);
      stops();
      const taken = { id, event, done: false };
      tell("click", taken);
      if (!taken.done) opened(id);
    });
    list.addEventListener("focusin", (event) => {
      const id = event.target.closest(".cell")?.dataset.entry;
      const index = id ? state.order.indexOf(id) : -1;
      if (index >= 0) state.at = index;
      stops();
    });
    list.addEventListener("keydown", keys);
    tell("built");
    new ResizeObserver(resized).observe(pane);
    new IntersectionObserver(([entry]) => entry.isIntersecting && arrive()).observe(pane);
    listen();
  };

  // Changes images in portions; resolves to how many were changed.
  const PORTION = 200;
  const change = async (act, ids, { value = "", step = () => true } = {}) => {
    let changed = 0;
    for (let start = 0; start < ids.length; start += PORTION) {
      const part = ids.slice(start, start + PORTION);
      changed += (await ask("change", { do: act, ids: part, value })).changed;
      if (!step(Math.min(start + PORTION, ids.length), part)) break;
    }
    return changed;
  };

  // A sentence at the foot of the page, with a way back where there is one.
  let toast = null;
  let fading = 0;
  const tellBelow = (text, undo) => {
    toast?.remove();
    clearTimeout(fading);
    const close = () => toast?.remove();
    toast = el("div", { className: "hist-toast" }, el("p", { textContent: text }),
      undo && el("button", { type: "button", className: "quiet", textContent: say("undo"), onclick: () => (close(), undo()) }),
      el("button", { type: "button", className: "leave", textContent: "×", aria: { label: say("close") }, onclick: close }));
    toast.setAttribute("role", "status");
    const place = [...document.querySelectorAll("dialog[open]")].pop();
    (place ?? document.querySelector(".gradio-container .contain") ?? document.body).append(toast);
    fading = setTimeout(close, undo ? 20_000 : 6_000);
  };

  const restore = async (ids) => {
    try {
      await change("restore", ids);
    } catch (error) {
      return tellBelow(error.message);
    }
    tellBelow(say("restored", { count: ids.length }));
    document.dispatchEvent(new CustomEvent("srpo:restored", { detail: { ids } }));
    fresh();
  };
  const deleted = (ids) => tellBelow(say("deleted", { count: ids.length }), () => restore(ids));

  return {
    state, known, cells, el, by, number, say, ask, change, tellBelow, deleted, restore, draw, drawSoon, go, view, pick,
    refresh, removed, update,
    on: (listener) => listeners.push(listener),
    root: () => root,
    shown,
    connect(element, connected) {
      root = element;
      hub = connected;
      build();
    },
    opening(connected) {
      open.connect(connected);
    },
    opened(told) {
      if (!told?.key || !waiting) return;
      waiting.done(told.key);
      waiting = null;
    },
    // Shows other images: what is wanted of the history.
    want(wanted) {
      state.wanted = wanted;
      state.place = null;
      tell("wanted", wanted);
      load().then(remember);
    },
    async starChosen(id) {
      if (!id) return;
      try {
        const [entry] = (await ask("entries", { ids: [id] })).entries;
        if (!entry) return pick("");
        await change(entry.starred ? "unstar" : "star", [id]);
        learn([{ ...entry, starred: !entry.starred }]);
        update(id, { starred: !entry.starred });
      } catch (error) {
        return tellBelow(error.message);
      }
      if (state.wanted.starred) fresh();
    },
    deleteChosen: (id) => id && window.srpo.history.deleteOne(id),
    async deleteOne(id) {
      try {
        await change("delete", [id]);
      } catch (error) {
        return tellBelow(error.message);
      }
      removed([id]);
      deleted([id]);
    },
  };
})();
