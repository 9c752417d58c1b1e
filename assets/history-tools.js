/* What stands above the history's grid: views, search, filters with their chips, the menu. */
(() => {
  const history = window.srpo.history;
  const { state, by, el, say, ask, tellBelow } = history;
  const SWATCHES = ["#c0392b", "#e67e22", "#f1c40f", "#7fb069", "#2e7d4f", "#2aa198", "#3a86c8",
    "#2b3f8c", "#7d4fa0", "#d96f9f", "#8d6e4f", "#f5f2ea", "#9a9a94", "#1c1c1e"];
  let facets = null;

  const wanted = (change) => {
    const next = { ...state.wanted, ...change };
    for (const [name, value] of Object.entries(next)) {
      if (value === "" || value === false || value === null || value === undefined) delete next[name];
    }
    if (JSON.stringify(next) !== JSON.stringify(state.wanted)) history.want(next);
  };
  const place = () => {
    const { trash, collection } = state.wanted;
    return { ...(trash ? { trash } : {}), ...(collection ? { collection } : {}) };
  };

  const know = async (again = false) => {
    if (facets && !again) return facets;
    learned(await ask("facets"));
    return facets;
  };
  const learned = (told) => {
    facets = told;
    fillIn();
    show();
  };

  // --- Boxes that open below a button ----------------------------------------------------------

  const pops = [];
  const pop = (button, box, { opened = () => {}, first = "input, select, button" } = {}) => {
    const open = (on) => {
      box().hidden = !on;
      button.setAttribute("aria-expanded", on);
      if (!on) return;
      pops.forEach((one) => one !== open && one(false));
      box().style.setProperty("--under", `${button.offsetLeft}px`);
      opened();
      box().querySelector(first)?.focus({ preventScroll: true });
    };
    const isOpen = () => button.getAttribute("aria-expanded") === "true";
    pops.push(open);
    button.addEventListener("click", () => open(!isOpen()));
    document.addEventListener("pointerdown", ({ target }) => {
      if (isOpen() && !box().contains(target) && !button.contains(target) && !target.closest("dialog")) open(false);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !isOpen() || document.querySelector("dialog[open]")) return;
      event.stopPropagation();
      open(false);
      button.focus();
    }, true);
    return open;
  };

  // --- Views: everything, collections, the trash -----------------------------------------------

  const line = ({ title, count, current, go, more = [] }) => {
    const button = el("button", { type: "button", className: "view", onclick: go },
      el("span", { textContent: title }), count === undefined ? "" : el("small", { textContent: history.number(count) }));
    if (current) button.setAttribute("aria-current", "true");
    return el("div", { className: "hist-line" }, button, ...more);
  };
  const small = (sign, label, act) => el("button", { type: "button", className: "plain", textContent: sign,
    title: label, aria: { label }, onclick: act });

  let closeViews = () => {};
  const change = async (asked) => {
    try {
      const told = await ask("collection", asked);
      learned(told);
      return told;
    } catch (error) {
      tellBelow(error.message);
      return null;
    }
  };
  const rename = (one) => {
    const box = by(".hist-views");
    const input = el("input", { type: "text", value: one.title, maxLength: 80, aria: { label: say("collection-name") } });
    const row = el("form", { className: "hist-line" }, input);
    row.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await change({ do: "rename", id: one.id, title: input.value })) drawViews();
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      drawViews();
    });
    box.querySelector(`[data-collection="${one.id}"]`).replaceWith(row);
    input.select();
  };
  const forget = async (one) => {
    const sure = await srpo.ask({ title: say("collection-ask", { title: one.title }), text: say("collection-text"),
      yes: say("collection-yes"), no: say("cancel"), stern: true });
    if (!sure || !(await change({ do: "delete", id: one.id }))) return;
    if (state.wanted.collection === one.id) history.want({});
    drawViews();
  };
  const drawViews = () => {
    const box = by(".hist-views");
    const go = (next) => () => (closeViews(false), history.want(next));
    const here = state.wanted;
    // Drawn anew while somebody types, it keeps what was typed.
    const before = box.querySelector(".hist-new input");
    const typing = before && before === document.activeElement;
    const made = el("input", { type: "text", maxLength: 80, placeholder: say("collection-new"), aria: { label: say("collection-name") },
      value: before?.value ?? "" });
    const form = el("form", { className: "hist-new" }, made,
      el("button", { type: "submit", className: "quiet", textContent: say("collection-add") }));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!(await change({ do: "create", title: made.value }))) return;
      made.value = "";
      drawViews();
    });
    box.replaceChildren(
      line({ title: say("all"), current: !here.trash && !here.collection, go: go({}) }),
      ...(facets?.collections ?? []).map((one) => {
        const node = line({ ...one, current: here.collection === one.id, go: go({ collection: one.id }), more: [
          small("✎", say("collection-rename", { title: one.title }), () => rename(one)),
          small("×", say("collection-delete", { title: one.title }), () => forget(one)),
        ] });
        node.dataset.collection = one.id;
        return node;
      }),
      form,
      line({ title: say("trash"), count: facets?.trash, current: here.trash, go: go({ trash: true }) }),
      el("hr"),
      line({ title: say("duplicates"), go: () => (closeViews(false), history.allDuplicates()) }),
      typeof facets?.links === "number" ? line({ title: say("links"), count: facets.links, go: () => (closeViews(false), history.links()) }) : "",
    );
    if (typing) made.focus();
  };

  // --- Filters ---------------------------------------------------------------------------------

  const DAY = 86_400;
  const midnight = (day) => new Date(`${day}T00:00`).getTime() / 1000;
  const dayOf = (moment) => {
    const at = new Date(moment * 1000);
    return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  };
  const form = () => by(".hist-filters");
  const part = (name) => form().elements.namedItem(name);
  const SELECTS = ["backend", "model", "task", "shape", "tag", "set_id"];
  const NUMBERS = ["seed", "min_price", "max_price"];

  const choices = (name, pairs) => {
    const select = part(name);
    const [any] = select.options;
    select.replaceChildren(any, ...pairs.map(([value, label]) => new Option(label, value)));
  };
  const fillIn = () => {
    choices("backend", facets.backends);
    choices("model", facets.models);
    choices("task", facets.tasks);
    choices("tag", facets.tags);
    choices("set_id", facets.sets);
    choices("shape", ["square", "landscape", "portrait"].map((name) => [name, say(name)]));
    by(".hist-filters .saved").replaceChildren(...facets.filters.map((one) =>
      el("span", { className: "hist-chip" },
        el("button", { type: "button", textContent: one.title, onclick: () => history.want({ ...one.wanted }) }),
        el("button", { type: "button", className: "off", textContent: "×", title: say("filter-delete", { title: one.title }),
          aria: { label: say("filter-delete", { title: one.title }) }, onclick: () => keepFilter({ do: "delete", id: one.id }) }))));
  };
  const keepFilter = async (asked) => {
    const said = by(".hist-filters .hist-said");
    said.hidden = true;
    try {
      learned(await ask("filter", asked));
    } catch (error) {
      said.textContent = error.message;
      said.hidden = false;
      return false;
    }
    return true;
  };

  const read = () => {
    const found = {};
    for (const name of SELECTS) found[name] = part(name).value;
    for (const name of NUMBERS) {
      const { value } = part(name);
      found[name] = value === "" ? null : name === "seed" ? Math.trunc(Number(value)) : Number(value);
    }
    found.since = part("since").value ? midnight(part("since").value) : null;
    found.until = part("until").value ? midnight(part("until").value) + DAY : null;
    found.flagged = part("flagged").checked;
    return found;
  };

  const show = () => {
    const now = state.wanted;
    const search = by("#history-search input");
    if (document.activeElement !== search) search.value = now.query ?? "";
    by("#history-starred input").checked = Boolean(now.starred);
    by(".hist-sort select").value = now.sort ?? "";
    by(".hist-sort option").textContent = say(now.like || now.colour ? "sort-alike" : "sort-newest");
    for (const name of SELECTS) {
      const value = now[name] ?? "";
      part(name).value = value;
      // What is wanted is among the choices, however old its set is.
      if (part(name).value !== value) part(name).add(new Option(named(name, value), value, false, true));
    }
    for (const name of NUMBERS) if (document.activeElement !== part(name)) part(name).value = now[name] ?? "";
    part("since").value = now.since ? dayOf(now.since) : "";
    part("until").value = now.until ? dayOf(now.until - DAY) : "";
    part("flagged").checked = Boolean(now.flagged);
    for (const one of form().querySelectorAll(".swatches button")) {
      one.setAttribute("aria-pressed", one.dataset.colour === now.colour);
    }
    const collection = facets?.collections.find((one) => one.id === now.collection);
    by(".hist-view-name").textContent = now.trash ? say("trash") : collection?.title ?? say("all");
    chips();
  };

  const named = (name, value) => {
    const among = { backend: facets?.backends, model: facets?.models, task: facets?.tasks, set_id: facets?.sets }[name];
    const text = among?.find(([id]) => id === value)?.[1] ?? (name === "shape" ? say(value) : String(value));
    switch (name) {
      case "query": return say("chip-query", { value });
      case "starred": case "flagged": case "sandbox": case "like": return say(`chip-${name}`);
      case "colour": return say("chip-colour", { value });
      case "set_id": return text === value ? say("chip-set") : say("set", { title: text });
      case "source": case "parent": return say(`chip-${name}`);
      case "since": return say("chip", { name: say("since"), value: new Date(value * 1000).toLocaleDateString() });
      case "until": return say("chip", { name: say("until"), value: new Date((value - DAY) * 1000).toLocaleDateString() });
      case "min_price": case "max_price": return say("chip", { name: say(name.replace("_", "-")), value: String(value) });
      case "min_size": case "max_size": return say("chip", { name: say("chip-size"), value: String(value) });
      case "seed": return say("chip", { name: say("seed"), value: String(value) });
      default: return say("chip", { name: say(name), value: text });
    }
  };
  const chips = () => {
    const active = Object.entries(state.wanted).filter(([name]) => !["trash", "collection", "sort"].includes(name));
    const box = by(".hist-chips");
    box.hidden = !active.length && !state.wanted.trash;
    const count = by(".hist-filters-of b");
    const inside = active.filter(([name]) => !["query", "starred"].includes(name)).length;
    count.hidden = !inside;
    count.textContent = inside;
    const trash = state.wanted.trash && facets
      ? el("span", { className: "hist-about", textContent: say("trash-days", { count: Math.round(facets.days) }) }) : "";
    box.replaceChildren(...active.map(([name, value]) => {
      const text = named(name, value);
      const chip = el("span", { className: "hist-chip" });
      if (name === "colour") chip.append(el("i"));
      chip.style.setProperty("--swatch", name === "colour" ? value : "none");
      chip.append(el("span", { textContent: text }), el("button", { type: "button", className: "off", textContent: "×",
        title: say("chip-remove", { name: text }), aria: { label: say("chip-remove", { name: text }) },
        onclick: () => wanted({ [name]: null }) }));
      return chip;
    }), active.length > 1 ? el("button", { type: "button", className: "plain", textContent: say("clear"), onclick: () => history.want(place()) }) : "",
    trash || "");
    if (state.wanted.trash) box.append(el("button", { type: "button", className: "plain", textContent: say("empty-trash"),
      onclick: () => history.emptyTrash?.() }));
  };

  const count = ({ total }) => {
    by(".hist-count").textContent = total ? say("count", { count: total }) : "";
  };

  // What is done to older images in the background, while it is; looked at while somebody is here.
  let looking = 0;
  const look = async () => {
    clearTimeout(looking);
    const line = by(".hist-progress");
    const { text } = await ask("progress").catch(() => ({ text: "" }));
    line.textContent = text;
    line.hidden = !text;
    clearTimeout(looking);
    if (text && history.shown()) looking = setTimeout(look, 2_000);
  };

  let typing = 0;
  const build = () => {
    const search = by("#history-search input");
    const asked = () => {
      clearTimeout(typing);
      wanted({ query: search.value.trim() });
    };
    search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(asked, 220);
    });
    search.addEventListener("change", asked);
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") asked();
      if (event.key === "ArrowDown") {
        event.preventDefault();
        history.go(state.at);
      }
    });
    by("#history-starred input").addEventListener("change", ({ target }) => wanted({ starred: target.checked }));
    by(".hist-sort select").addEventListener("change", ({ target }) => wanted({ sort: target.value }));
    const trouble = (error) => tellBelow(error.message);
    closeViews = pop(by(".hist-view-of"), () => by(".hist-views"), { first: "[aria-current], button",
      opened: () => { drawViews(); know(true).then(drawViews, trouble); } });
    const filters = pop(by(".hist-filters-of"), form, { opened: () => know(true).catch(trouble) });
    form().addEventListener("change", ({ target }) => {
      if (target.name !== "title" && target.type !== "color") wanted(read());
    });
    form().addEventListener("submit", (event) => {
      event.preventDefault();
      if (document.activeElement?.name === "title") return form().querySelector(".keep").click();
      wanted(read());
      filters(false);
      by(".hist-filters-of").focus();
    });
    form().querySelector(".clear").addEventListener("click", () => history.want(place()));
    form().querySelector(".keep").addEventListener("click", async () => {
      const name = part("title");
      if (await keepFilter({ do: "save", title: name.value, wanted: state.wanted })) name.value = "";
      else name.focus();
    });
    const toggle = (colour) => wanted({ colour: state.wanted.colour === colour ? null : colour });
    form().querySelector(".swatches").append(...SWATCHES.map((colour) => {
      const button = el("button", { type: "button", data: { colour }, title: colour, onclick: () => toggle(colour),
        aria: { label: say("chip-colour", { value: colour }), pressed: "false" } });
      button.style.background = colour;
      return button;
    }));
    form().querySelector("[type=color]").addEventListener("change", ({ target }) => wanted({ colour: target.value }));
    const menu = document.querySelector(".hist-menu");
    menu.hidden = true;
    const closeMenu = pop(by(".hist-menu-of"), () => menu);
    menu.addEventListener("click", () => setTimeout(() => closeMenu(false)));
    show();
  };

  Object.assign(history, { wanted, know, learned, facets: () => facets, pop });
  history.on((event, detail) => {
    if (event === "built") build();
    if (event === "wanted") {
      if (by(".hist-sort option")) show();
      if ((detail.collection || detail.trash || Object.keys(detail).length) && !facets) know().catch(() => {});
    }
    if (event === "counted") count(detail);
    if (event === "arrived") look();
  });
})();
