/* The viewer over the page: arrows, zoom and pan, before and after, facts, what can be done. */
(() => {
  const known = new Map();
  const tell = srpo.channel();
  let dialog, ids, at, shown, scale, place, opener, edge;

  const part = (selector) => dialog.querySelector(selector);
  const button = (name) => part(`[data-v="${name}"]`);
  const id = () => ids[at];

  const build = () => {
    dialog = document.getElementById("viewer-frame").content.firstElementChild.cloneNode(true);
    document.querySelector(".gradio-container .contain").append(dialog);
    dialog.addEventListener("click", (event) => {
      const act = event.target.closest("[data-v]")?.dataset.v;
      if (act) acts[act]?.(event);
    });
    button("share").hidden = button("withdraw").hidden = true;
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), acts.close()));
    dialog.addEventListener("keydown", pressed);
    part(".slider-of input").addEventListener("input", (event) => slide(event.target.value));
    part(".reveal").addEventListener("click", () => srpo.reveal(id()));
    part("img.result").addEventListener("load", fit);
    new ResizeObserver(() => dialog.open && (scale ? move(0, 0) : fit())).observe(part(".view"));
    pointing(part(".view"));
  };

  // What is known of an image so far: at first the picture the page shows of it.
  const glimpse = () => document.querySelector(`:not(.viewer) [data-entry="${CSS.escape(id())}"] img`);

  const draw = () => {
    const entry = known.get(id());
    const image = part("img.result");
    const url = entry?.url ?? glimpse()?.getAttribute("src") ?? "";
    if (image.getAttribute("src") !== url) image.setAttribute("src", url);
    image.alt = entry?.prompt ?? "";
    part(".count").textContent = ids.length > 1 ? `${at + 1} / ${ids.length}` : "";
    part(".told").innerHTML = entry?.facts ?? "";
    part(".missing").textContent = entry?.missing ?? "";
    part(".missing").hidden = !entry?.missing;
    part(".sheet").hidden = Boolean(entry?.missing);
    for (const time of dialog.querySelectorAll(".told time")) {
      const local = new Date(time.dateTime);
      time.textContent = local.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    }
    const flagged = Boolean(entry?.flagged);
    part(".view").toggleAttribute("data-flagged", flagged);
    part(".view").dataset.entry = id();
    part(".reveal").hidden = !flagged || !srpo.blurred(id());
    button("back").disabled = at === 0;
    button("on").disabled = at === ids.length - 1;
    button("mark").setAttribute("aria-pressed", Boolean(entry?.starred));
    button("save").href = url && `${url}?download`;
    for (const name of ["mark", "use", "renew", "words", "vary", "send", "erase"]) {
      button(name).disabled = !entry || Boolean(entry.missing);
    }
    button("settings").disabled = !entry || Boolean(entry.missing);
    if (entry) { // until then all stays as it is: what is below would jump
      button("share").hidden = !entry.sharing;
      button("withdraw").hidden = !entry.withdrawable;
    }
    shared(entry);
    compare(edge !== null && Boolean(entry?.source));
    enlargeable(entry);
    fit();
  };

  // A link to look at is shown once, when it was made; how many are open is told as long as they are.
  const shared = (entry) => {
    const [link, open] = [entry?.link ?? "", entry?.shared ?? ""];
    part(".shared").hidden = !link && !open;
    part(".shared label").hidden = part(".shared .about").hidden = !link;
    part(".shared input").value = link && new URL(link, document.baseURI).href;
    part(".shared .open").hidden = !open;
    part(".shared .open span").textContent = open;
  };

  // The ways to make the image larger: each says what it is, and what it costs.
  let enlarging = "";
  const enlargeable = (entry) => {
    const busy = enlarging === id();
    part(".larger").hidden = Boolean(entry) && !entry.larger;
    part(".larger .busy").textContent = busy ? part(".larger .busy").dataset.busy : "";
    part(".larger .trouble").textContent = entry?.trouble ?? "";
    part(".larger .trouble").hidden = !entry?.trouble;
    part(".larger .none").hidden = Boolean(entry?.larger?.length);
    part(".larger .ways").replaceChildren(...(entry?.larger ?? []).map((way, n) => {
      const row = document.createElement("p");
      const press = document.createElement("button");
      const about = document.createElement("small");
      Object.assign(press, { type: "button", className: "quiet", textContent: way.label, disabled: busy });
      about.id = `larger-${n}`;
      about.textContent = way.about;
      press.setAttribute("aria-describedby", about.id);
      press.addEventListener("click", () => enlarge(entry, way));
      row.append(press, about);
      return row;
    }));
  };
  const enlarge = async (entry, way) => {
    if (way.factor) {
      enlarging = entry.id;
      delete entry.trouble;
      tell("enlarge", { entry: entry.id, factor: way.factor });
      draw();
      return part(".larger summary").focus(); // the button that was pressed is drawn anew
    }
    if (way.ask && !(await srpo.ask(way.ask))) return;
    const click = srpo.click(`refine ${entry.id}`, way.price, entry.id);
    tell("refine", { entry: entry.id, ...click, asked: Boolean(way.ask) });
    acts.close();
  };
  // What was enlarged takes its place beside what it was made from, under the slider.
  const enlarged = (entry) => {
    const from = entry.made;
    enlarging = "";
    delete entry.made;
    known.set(entry.id, entry);
    document.dispatchEvent(new CustomEvent("srpo:changed", { detail: { made: entry.id } }));
    if (!dialog?.open || id() !== from) return;
    ids.splice(at, 0, entry.id);
    edge = 50;
    scale = 0;
    draw();
    part(".view").focus();
  };

  const go = (to) => {
    if (to < 0 || to >= ids.length) return;
    at = to;
    scale = 0;
    draw();
    tell("look", { entry: id() });
    document.dispatchEvent(new CustomEvent("srpo:viewing", { detail: { id: id(), dialog } }));
  };

  // Before and after: the source lies over the result, cut off at the edge.
  const compare = (on) => {
    const source = known.get(id())?.source;
    button("compare").hidden = !source;
    button("compare").setAttribute("aria-pressed", on);
    part(".slider-of").hidden = part(".before").hidden = part(".edge").hidden = !on;
    if (on) part("img.source").src = source;
    if (on) slide(edge ?? 50);
    fit();
  };
  const slide = (share) => {
    edge = Number(share);
    part(".slider-of input").value = share;
    part(".sheet").style.setProperty("--edge", `${share}%`);
  };

  // `scale` is CSS pixels a pixel of the image, 0 for all of it in the window.
  const natural = () => {
    const entry = known.get(id());
    const image = part("img.result");
    return [entry?.width || image.naturalWidth || 1, entry?.height || image.naturalHeight || 1];
  };
  const whole = () => {
    const view = part(".view");
    const [wide, high] = natural();
    return Math.min((view.clientWidth - 24) / wide, (view.clientHeight - 24) / high, 4);
  };
  const single = () => 1 / (window.devicePixelRatio || 1);
  const fit = () => {
    if (!scale) place = null;
    move(0, 0);
  };
  const move = (x, y) => {
    const view = part(".view");
    const [wide, high] = natural();
    const size = scale || whole();
    const room = [view.clientWidth, view.clientHeight];
    const sides = [wide * size, high * size];
    const middle = sides.map((side, n) => (room[n] - side) / 2);
    const wished = place ? [place[0] + x, place[1] + y] : middle;
    // Pictures that are larger than the window are moved within it, smaller ones stay in the middle.
    place = wished.map((to, n) => (sides[n] <= room[n] ? middle[n] : Math.min(0, Math.max(room[n] - sides[n], to))));
    const sheet = part(".sheet");
    sheet.style.width = `${sides[0]}px`;
    sheet.style.height = `${sides[1]}px`;
    sheet.style.transform = `translate(${place[0]}px, ${place[1]}px)`;
    view.classList.toggle("large", sides.some((side, n) => side > room[n] + 1));
    button("zoom").setAttribute("aria-pressed", Math.abs(size - single()) < 1e-6);
  };
  const zoom = (to, [x, y] = [part(".view").clientWidth / 2, part(".view").clientHeight / 2]) => {
    const before = scale || whole();
    const next = Math.min(Math.max(to, whole()), Math.max(8 * single(), whole()));
    scale = next <= whole() * 1.001 && next !== single() ? 0 : next;
    if (scale) place = [x - ((x - place[0]) * scale) / before, y - ((y - place[1]) * scale) / before];
    fit();
  };

  const pointing = (view) => {
    const down = new Map();
    let moved = 0;
    let from = 0;
    const spot = (event) => {
      const box = view.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const apart = () => {
      const [one, other] = [...down.values()];
      return Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
    };
    view.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom((scale || whole()) * Math.exp(-event.deltaY / 400), spot(event));
    }, { passive: false });
    view.addEventListener("pointerdown", (event) => {
      if (event.button || event.target.closest("button")) return;
      view.setPointerCapture(event.pointerId);
      if (!down.size) [moved, from] = [0, spot(event)[0]];
      down.set(event.pointerId, spot(event));
      view.classList.add("held");
    });
    view.addEventListener("pointermove", (event) => {
      const before = down.get(event.pointerId);
      if (!before) return;
      const now = spot(event);
      const wide = down.size === 2 ? apart() : 0;
      down.set(event.pointerId, now);
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (wide) zoom(((scale || whole()) * apart()) / wide, now);
      else move(now[0] - before[0], now[1] - before[1]);
    });
    const up = (event) => {
      const alone = down.size === 1;
      if (!down.delete(event.pointerId)) return;
      if (!down.size) view.classList.remove("held");
      if (!alone || event.type !== "pointerup") return;
      const far = spot(event)[0] - from;
      if (moved < 6) acts.zoom(event, spot(event));
      else if (!scale && event.pointerType === "touch" && Math.abs(far) > 60) go(at - Math.sign(far));
    };
    view.addEventListener("pointerup", up);
    view.addEventListener("pointercancel", up);
  };

  const acts = {
    back: () => go(at - 1),
    on: () => go(at + 1),
    zoom: (_event, spot) => zoom(Math.abs((scale || whole()) - single()) < 1e-6 && scale ? 0 : single(), spot),
    compare: () => {
      edge = part(".before").hidden ? 50 : null;
      compare(edge !== null);
      if (edge !== null) part(".slider-of input").focus();
    },
    mark: () => tell("mark", { entry: id() }),
    about: () => {
      dialog.classList.toggle("alone");
      button("about").setAttribute("aria-pressed", !dialog.classList.contains("alone"));
    },
    use: () => leave("use"),
    renew: () => leave("renew"),
    words: () => leave("words"),
    vary: () => {
      const entry = id();
      acts.close();
      srpo.vary(entry);
    },
    send: () => leave("send"),
    // It goes into the trash, and the page offers a way back.
    erase: () => tell("erase", { entry: id() }),
    settings: () => copied("settings", new URL(known.get(id()).settings, location.href.split(/[?#]/)[0]).href),
    // Gradio itself listens to an event that is called share.
    share: () => tell("publish", { entry: id() }),
    withdraw: async () => {
      const entry = id();
      if (await srpo.ask(srpo.texts.withdraw)) tell("withdraw", { entry });
    },
    unshare: () => tell("unpublish", { entry: id() }),
    close: () => {
      dialog.close();
      opener?.focus?.({ preventScroll: true });
    },
  };
  const copied = async (name, text) => {
    const label = button(name).textContent;
    try {
      await srpo.copy(text);
    } catch {
      return; // the browser does not let the page; the link can still be selected
    }
    button(name).textContent = srpo.texts.copied;
    setTimeout(() => { button(name).textContent = label; }, 1500);
  };
  const leave = (event) => {
    tell(event, { entry: id() });
    acts.close();
  };

  const keys = { z: "zoom", c: "compare", s: "mark", i: "about", Delete: "erase" };
  const steps = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const pressed = (event) => {
    event.stopPropagation(); // keys belong to the viewer, not to the page behind it
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.preventDefault();
      return acts.close();
    }
    if (event.target.matches("input, textarea")) return;
    const large = part(".view").classList.contains("large");
    const step = steps[event.key];
    if (step && large && event.target === part(".view")) move(step[0] * 80, step[1] * 80);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") acts.back();
    else if (event.key === "ArrowRight" || event.key === "PageDown") acts.on();
    else if (event.key === "+" || event.key === "=") zoom((scale || whole()) * 1.4);
    else if (event.key === "-") zoom((scale || whole()) / 1.4);
    else if (keys[event.key] && !button(keys[event.key]).hidden) acts[keys[event.key]]();
    else return;
    event.preventDefault();
  };

  // Which flagged images were asked for, while this page is open.
  const revealed = new Set();
  const rules = document.head.appendChild(document.createElement("style"));
  const hide = () => {
    const all = "blur" in document.documentElement.dataset;
    rules.textContent = all ? "[data-flagged] img { filter: blur(var(--blur, 24px)); }\n" : ".flag-of { display: none; }";
  };
  hide();
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-reveal]");
    if (button) srpo.reveal(button.dataset.reveal);
  });

  Object.assign(window.srpo, {
    // Opens the viewer on an entry; `others` are the ids that the arrows walk through.
    view(entry, others = [], { compare: comparing = false } = {}) {
      if (!dialog) build();
      ids = others.includes(entry) ? [...others] : [entry];
      at = ids.indexOf(entry);
      edge = comparing ? 50 : null;
      opener = document.activeElement;
      scale = 0;
      dialog.classList.toggle("alone", innerWidth <= 760);
      button("about").setAttribute("aria-pressed", innerWidth > 760);
      if (!dialog.open) dialog.showModal();
      go(at);
      part(".view").focus();
    },
    leaveViewer() {
      if (dialog?.open) acts.close();
    },
    viewing(connected) {
      tell.connect(connected);
    },
    viewed(entry) {
      if (!entry?.id) return;
      if (entry.erased) return erased(entry.id);
      if (entry.made) return enlarged(entry);
      if (entry.trouble) {
        enlarging = "";
        known.set(entry.id, { ...known.get(entry.id), trouble: entry.trouble });
        return dialog?.open && id() === entry.id && draw();
      }
      const before = known.get(entry.id);
      known.set(entry.id, entry);
      if (before && before.starred !== entry.starred) changed(entry);
      if (dialog?.open && id() === entry.id) {
        draw();
        if (entry.link) copied("share", part(".shared input").value), part(".shared input").select();
      }
    },
    reveal(entry) {
      revealed.add(entry);
      const one = `[data-entry="${CSS.escape(entry)}"]`;
      rules.textContent += `${one} { --blur: 0 !important; } ${one} .flag-of { display: none; }\n`;
      if (dialog?.open) draw();
    },
    blurred: (entry) => "blur" in document.documentElement.dataset && !revealed.has(entry),
  });

  const changed = (detail) => document.dispatchEvent(new CustomEvent("srpo:changed", { detail }));
  const erased = (entry) => {
    known.delete(entry);
    changed({ id: entry, erased: true });
    if (!dialog?.open) return;
    const gone = ids.indexOf(entry);
    if (gone < 0) return;
    ids.splice(gone, 1);
    if (!ids.length) return acts.close();
    go(Math.min(gone, ids.length - 1));
  };
})();
