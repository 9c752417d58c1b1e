/* Selecting images of the history, and what can be done with many of them at once. */
(() => {
  const history = window.srpo.history;
  const { state, known, cells, by, el, say, ask, change, tellBelow, number } = history;
  const chosen = new Set();
  let from = -1; // where a range begins
  let busy = null;

  const bar = () => by(".hist-selection");
  const ids = () => state.order.filter((id) => chosen.has(id));

  const mark = ({ node, button, tick, id }) => {
    const on = chosen.has(id);
    node.classList.toggle("selected", on);
    tick.setAttribute("aria-label", say("select"));
    tick.setAttribute("aria-pressed", on);
    if (chosen.size) button.setAttribute("aria-pressed", on);
    else button.removeAttribute("aria-pressed");
  };
  const draw = () => {
    by(".grid").classList.toggle("selecting", chosen.size > 0);
    for (const cell of cells.values()) mark(cell);
    drawBar();
  };
  const toggle = (id) => {
    if (!chosen.delete(id)) chosen.add(id);
    from = state.order.indexOf(id);
    draw();
  };
  const range = (to) => {
    const start = from < 0 ? to : from;
    const [first, last] = [Math.min(start, to), Math.max(start, to)];
    for (const id of state.order.slice(first, last + 1)) chosen.add(id);
    draw();
  };
  const none = () => {
    chosen.clear();
    from = -1;
    draw();
  };
  const all = async () => {
    // The ids of a large history come in blocks.
    const { turn } = state;
    while (!state.whole && !state.trouble) await new Promise((later) => setTimeout(later, 50));
    if (turn !== state.turn) return;
    state.order.forEach((id) => chosen.add(id));
    draw();
  };

  // --- Carrying something out on all that is selected ------------------------------------------

  // One after the other in portions, with progress; the person can stop it in between.
  const run = async (some, act, work) => {
    busy = { act, done: 0, total: some.length, stopped: false };
    drawBar();
    try {
      return await work((done) => {
        busy.done = done;
        drawBar();
        return !busy.stopped;
      });
    } catch (error) {
      tellBelow(error.message);
      return null;
    } finally {
      const { stopped, done, total } = busy;
      busy = null;
      drawBar();
      if (stopped && done < total) setTimeout(() => tellBelow(say("stopped", { count: done, total })));
    }
  };

  const SAID = { star: "starred", unstar: "unstarred", collect: "collected", "take-out": "taken-out", tag: "tagged", untag: "untagged" };
  const act = async (name, { value = "", title = "" } = {}) => {
    const some = ids();
    if (!some.length || busy) return;
    const gone = [];
    const leaves = name === "delete" || name === "restore" || (name === "take-out" && state.wanted.collection === value);
    const changed = await run(some, name, (step) => change(name, some, { value, step: (done, part) => {
      if (leaves) gone.push(...part);
      if (name === "star" || name === "unstar") part.forEach((id) => history.update(id, { starred: name === "star" }));
      return step(done);
    } }));
    if (gone.length) {
      gone.forEach((id) => chosen.delete(id));
      history.removed(gone);
      draw();
    }
    if (changed === null) return;
    if (name === "delete") history.deleted(gone);
    else if (name === "restore") tellBelow(say("restored", { count: changed }));
    else tellBelow(say(SAID[name], { count: changed, title }));
    if (["collect", "take-out", "tag", "untag", "restore", "delete"].includes(name)) history.know(true).catch(() => {});
    if ((name === "unstar" && state.wanted.starred) || (name === "untag" && state.wanted.tag)) history.refresh();
  };

  const erase = async (some) => {
    if (!some.length || busy) return;
    const sure = await srpo.ask({ title: say("erase-ask", { count: some.length }), text: say("erase-text"),
      yes: say("erase"), no: say("erase-no"), stern: true });
    if (!sure) return;
    const gone = [];
    await run(some, "erase", async (step) => {
      for (let start = 0; start < some.length; start += 200) {
        const part = some.slice(start, start + 200);
        await ask("empty", { ids: part });
        gone.push(...part);
        if (!step(gone.length)) break;
      }
    });
    gone.forEach((id) => chosen.delete(id));
    history.removed(gone);
    draw();
    if (gone.length) tellBelow(say("erased", { count: gone.length }));
    history.know(true).catch(() => {});
  };
  history.emptyTrash = () => erase([...state.order]);

  // --- The bar ----------------------------------------------------------------------------------

  const button = (name, label, act, more = {}) =>
    el("button", { type: "button", className: "quiet", textContent: label, data: { act: name }, onclick: act, ...more });

  const drawBusy = () => {
    const { done, total } = busy;
    return [
      el("progress", { value: done, max: total, aria: { label: say("progress", { count: done, total }) } }),
      el("span", { className: "hist-done", textContent: say("progress", { count: done, total }) }),
      button("cancel", say("cancel"), () => { busy.stopped = true; }),
    ];
  };

  let shape = "";
  const drawBar = () => {
    const box = bar();
    box.hidden = !chosen.size && !busy;
    if (box.hidden) {
      shape = "";
      box.replaceChildren();
      return;
    }
    const now = `${Boolean(busy)} ${Boolean(state.wanted.trash)} ${state.wanted.collection ?? ""}`;
    if (busy && shape === now) {
      box.querySelector("progress").value = busy.done;
      box.querySelector(".hist-done").textContent = say("progress", { count: busy.done, total: busy.total });
      return;
    }
    const some = el("b", { textContent: say("selected", { count: chosen.size }) });
    some.setAttribute("role", "status");
    if (!busy && shape === now) {
      box.querySelector("b").textContent = some.textContent;
      const rest = box.querySelector("[data-act=all]");
      rest.hidden = chosen.size >= state.total;
      rest.textContent = say("select-all", { count: state.total });
      return;
    }
    shape = now;
    if (busy) return box.replaceChildren(...drawBusy());
    const { trash, collection } = state.wanted;
    const parts = [some, button("all", say("select-all", { count: state.total }), all,
      { hidden: chosen.size >= state.total })];
    if (trash) parts.push(
      button("restore", say("restore"), () => act("restore")),
      button("erase", say("erase"), () => erase(ids())));
    else parts.push(
      button("star", `★ ${say("star")}`, () => act(ids().every((id) => known.get(id)?.starred) ? "unstar" : "star")),
      button("collect", say("collect"), menu(collections)),
      collection ? button("take-out", say("take-out"), () => act("take-out", { value: collection })) : "",
      button("tag", say("tag-them"), menu(tagging)),
      button("download", say("download"), () => download(ids())),
      button("delete", say("delete"), () => act("delete")));
    parts.push(el("button", { type: "button", className: "leave", textContent: "×", onclick: none,
      title: say("select-none"), aria: { label: say("select-none") } }));
    box.replaceChildren(...parts.filter(Boolean));
  };

  // A small box above a button of the bar.
  let boxed = null;
  const menu = (fill) => (event) => {
    const opener = event.currentTarget;
    if (boxed?.opener === opener) return shut();
    shut();
    const box = el("div", { className: "hist-pop hist-above" });
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", opener.textContent);
    opener.setAttribute("aria-expanded", "true");
    boxed = { box, opener };
    fill(box);
    by(".hist").append(box);
    const edge = opener.getBoundingClientRect();
    const room = by(".hist").getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(edge.left - room.left, room.width - box.offsetWidth - 8))}px`;
    box.style.bottom = `${room.bottom - edge.top + 8}px`;
    box.querySelector("input, button")?.focus();
  };
  const shut = (focus = false) => {
    if (!boxed) return;
    boxed.box.remove();
    boxed.opener.removeAttribute("aria-expanded");
    if (focus) boxed.opener.focus();
    boxed = null;
  };
  document.addEventListener("pointerdown", ({ target }) => {
    if (boxed && !boxed.box.contains(target) && !boxed.opener.contains(target)) shut();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !boxed) return;
    event.stopPropagation();
    shut(true);
  }, true);

  const collections = (box) => {
    const list = el("div", { className: "hist-list" });
    const fill = () => list.replaceChildren(...(history.facets()?.collections ?? []).map((one) =>
      el("button", { type: "button", className: "view", onclick: () => (shut(true), act("collect", { value: one.id, title: one.title })) },
        el("span", { textContent: one.title }), el("small", { textContent: number(one.count) }))));
    const name = el("input", { type: "text", maxLength: 80, placeholder: say("collection-new"), aria: { label: say("collection-name") } });
    const form = el("form", { className: "hist-new" }, name, el("button", { type: "submit", className: "quiet", textContent: say("collection-add") }));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const title = name.value.trim();
      try {
        const told = await ask("collection", { do: "create", title });
        history.learned(told);
        shut(true);
        await act("collect", { value: told.made, title });
      } catch (error) {
        tellBelow(error.message);
        name.focus();
      }
    });
    box.append(list, form);
    fill();
    history.know(true).then(fill, (error) => tellBelow(error.message));
  };

  const tagging = (box) => {
    const known = el("datalist", { id: "hist-tags" }, ...(history.facets()?.tags ?? []).map(([name]) => el("option", { value: name })));
    const name = el("input", { type: "text", maxLength: 60, placeholder: say("tag-name"), aria: { label: say("tag-name") } });
    name.setAttribute("list", "hist-tags");
    const form = el("form", { className: "hist-new" }, known, name,
      el("button", { type: "submit", className: "quiet", textContent: say("tag-add") }),
      el("button", { type: "button", className: "quiet untag", textContent: say("tag-remove") }));
    const go = (what) => {
      const value = name.value.trim();
      if (!value) return name.focus();
      shut(true);
      act(what, { value, title: value });
    };
    form.addEventListener("submit", (event) => (event.preventDefault(), go("tag")));
    form.querySelector(".untag").addEventListener("click", () => go("untag"));
    box.append(form);
  };

  // --- Download ---------------------------------------------------------------------------------

  const option = (value, label) => new Option(label, value);
  const field = (name, label, input) => {
    input.name = name;
    return el("label", { className: "hist-field" }, el("span", { textContent: label }), input);
  };
  const select = (...pairs) => el("select", {}, ...pairs.map(([value, label]) => option(value, label)));
  const check = (name, label, checked) => {
    const input = el("input", { type: "checkbox", name, checked });
    return el("label", { className: "hist-check" }, input, el("span", { textContent: label }));
  };

  const download = (some) => {
    const kind = select(["zip", say("export-zip")], ["sheet.png", say("export-sheet-png")], ["sheet.pdf", say("export-sheet-pdf")],
      ["manifest.csv", say("export-csv")], ["manifest.json", say("export-json")]);
    const profile = select(["share", say("export-share")], ["full", say("export-full")], ["clean", say("export-clean")]);
    const format = select(["", say("export-kept")], ["png", "PNG"], ["jpeg", "JPEG"], ["webp", "WebP"]);
    const quality = el("input", { type: "number", min: 1, max: 100, value: 90 });
    const longest = el("input", { type: "number", min: 0, max: 16384, placeholder: "–" });
    const template = el("input", { type: "text", maxLength: 200, autocomplete: "off", title: say("export-names-hint"), placeholder: "{date}-{seed}-{prompt:40}" });
    const said = el("p", { className: "hist-said", hidden: true });
    said.setAttribute("role", "alert");
    const manifest = check("manifest", say("export-manifest"), true);
    const marked = check("mark", say("export-mark"), true);
    const title = el("h2", { id: "hist-download-title", textContent: say("export-title", { count: some.length }) });
    const form = el("form", { method: "dialog" }, title, el("div", { className: "hist-fields" },
      field("kind", say("export-kind"), kind), field("profile", say("export-profile"), profile),
      field("format", say("export-format"), format), field("quality", say("export-quality"), quality),
      field("longest", say("export-longest"), longest), field("template", say("export-names"), template)),
    manifest, marked, said, el("p", { className: "acts" },
      el("button", { type: "button", className: "no quiet", textContent: say("cancel"), onclick: () => close() }),
      el("button", { type: "submit", className: "yes quiet", textContent: say("download") })));
    const dialog = el("dialog", { className: "ask hist-download", aria: { labelledby: title.id } }, form);
    const before = document.activeElement;
    const close = () => {
      dialog.close();
      dialog.remove();
      before?.focus?.({ preventScroll: true });
    };
    const fit = () => {
      const files = kind.value === "zip";
      for (const input of [format, longest]) input.disabled = !files;
      quality.disabled = !files || !["jpeg", "webp"].includes(format.value);
      template.disabled = kind.value.startsWith("sheet");
      manifest.hidden = !files;
      marked.hidden = profile.value !== "clean" || !files;
    };
    form.addEventListener("change", fit);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      said.hidden = true;
      const asked = { kind: kind.value, profile: profile.value, format: format.value, quality: Number(quality.value) || 0,
        longest: Number(longest.value) || 0, template: template.value.trim(), manifest: manifest.querySelector("input").checked,
        mark: marked.querySelector("input").checked };
      try {
        const { url } = await ask("export", { ...asked, ids: some.join(" ") });
        const link = el("a", { href: url, download: "" });
        document.body.append(link);
        link.click();
        link.remove();
        close();
      } catch (error) {
        said.textContent = error.message;
        said.hidden = false;
        form.elements.namedItem(error.field)?.focus?.();
      }
    });
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), close()));
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    (document.querySelector(".gradio-container .contain") ?? document.body).append(dialog);
    fit();
    dialog.showModal();
    kind.focus();
  };
  history.download = download;

  // --- Pointer and keys -------------------------------------------------------------------------

  const build = () => {
    const list = by(".grid");
    list.addEventListener("click", ({ target, shiftKey }) => {
      const id = target.closest(".tick")?.closest(".cell")?.dataset.entry;
      if (!id) return;
      if (shiftKey) range(state.order.indexOf(id));
      else toggle(id);
    });
    list.addEventListener("keydown", (event) => {
      const id = event.target.closest?.(".cell")?.dataset.entry;
      if (event.altKey) return;
      if (event.key === " " && id) toggle(id);
      else if (event.key === "a" && (event.ctrlKey || event.metaKey)) all();
      else if (event.key === "Escape" && chosen.size) none();
      else if (event.key === "Delete" && !state.wanted.trash && (chosen.size || id)) {
        if (!chosen.size) history.deleteOne(id);
        else act("delete");
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    list.addEventListener("keyup", (event) => {
      if (event.key === " " && event.target.closest?.(".cell")) event.preventDefault();
    });
    // On a touch screen a long press begins a selection.
    let press = 0;
    list.addEventListener("pointerdown", (event) => {
      const id = event.target.closest(".cell")?.dataset.entry;
      clearTimeout(press);
      if (event.pointerType !== "touch" || !id || chosen.size) return;
      press = setTimeout(() => { pressed = id; toggle(id); }, 500);
    });
    for (const name of ["pointerup", "pointercancel", "pointermove"]) list.addEventListener(name, (event) => {
      if (name !== "pointermove" || Math.abs(event.movementX) + Math.abs(event.movementY) > 4) clearTimeout(press);
    });
    list.addEventListener("contextmenu", (event) => pressed && event.preventDefault());
  };
  let pressed = "";

  history.on((event, detail) => {
    if (event === "built") build();
    if (event === "put" && detail.id) mark(detail.cell);
    if (event === "wanted" && by(".hist-selection")) none();
    if (event === "counted") {
      const here = new Set(state.order);
      const before = chosen.size;
      if (state.whole) for (const id of chosen) if (!here.has(id)) chosen.delete(id);
      if (chosen.size !== before) draw();
    }
    if (event === "moved" && detail.shift) {
      if (from < 0) from = detail.from;
      range(detail.to);
    }
    if (event === "click") {
      const { id, event: click } = detail;
      const index = state.order.indexOf(id);
      if (pressed === id) [pressed, detail.done] = ["", true];
      else if (click.shiftKey) [detail.done] = [true, range(index)];
      else if (click.ctrlKey || click.metaKey || chosen.size || state.wanted.trash) [detail.done] = [true, toggle(id)];
      else from = index;
    }
  });
})();
