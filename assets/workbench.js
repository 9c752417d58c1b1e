/* The stage, the filmstrip, the queue's drawer and the page's own questions. */
(() => {
  const by = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const shut = new Set();
  const hub = srpo.channel();
  let chosen = "";
  let byHand = false;
  let known = null;
  let draft = "";
  let before = 0;

  // What the style sheets say comes from the catalogue, too.
  for (const name of ["sending", "compare"]) {
    document.documentElement.style.setProperty(`--said-${name}`, JSON.stringify(srpo.say(`script-${name}`)));
  }

  const shots = () => all("#shots .shot");
  const shotOf = (id) => shots().find((shot) => shot.dataset.entry === id);

  // --- The stage -------------------------------------------------------------------------------

  const ids = () => shots().map((shot) => shot.dataset.entry);

  const mark = () => shots().forEach((shot) => {
    const here = shot.dataset.entry === chosen;
    shot.classList.toggle("chosen", here);
    by(".pick", shot).setAttribute("aria-current", here);
  });

  const put = (node) => {
    const stage = by("#stage .stage");
    stage.classList.toggle("empty", !node);
    const old = by("figure", stage);
    if (node && old) old.replaceWith(node);
    else if (node) stage.append(node);
    else old?.remove();
  };

  const draw = () => {
    const shot = shotOf(chosen);
    const sheet = shot && by("figure", shot);
    if (!sheet) return;
    const shown = by("#stage figure");
    if (shown?.outerHTML === sheet.outerHTML.replaceAll(' loading="lazy"', "")) return;
    const copy = sheet.cloneNode(true);
    const image = by("img", copy);
    image.removeAttribute("loading");
    image.style.setProperty("--thumb", `url("${by(".pick img", shot).getAttribute("src")}")`);
    const here = chosen;
    // The image before stays until the next one can be shown at once.
    const show = () => { if (here === chosen) put(copy); };
    if (shown) image.decode().then(show, show);
    else show();
  };

  const select = (id, hand) => {
    chosen = id;
    byHand = hand;
    draft = "";
    mark();
    draw();
  };

  // A new image is shown unless somebody chose another by hand, or its batch is shown already.
  const arrived = () => {
    const now = ids();
    const fresh = known ? now.filter((id) => !known.includes(id)) : [];
    known = now;
    if (!now.includes(chosen)) select(now[0] ?? "", false);
    else if (!byHand) {
      const group = (id) => shotOf(id)?.dataset.group;
      const other = fresh.find((id) => group(id) !== group(chosen));
      if (other) select(other, false);
    }
    if (!now.length) put(null);
    mark();
    draw();
    if (fresh.length) by("#shots .html-container > div, #shots")?.scrollTo?.({ left: 0 });
  };

  // --- What is under way -----------------------------------------------------------------------

  const title = document.title;
  const plain = () => (document.title.startsWith("(") || document.title.startsWith("✓")
    ? document.title.replace(/^(\(\d+\)|✓) /, "") : document.title);

  const lively = () => {
    const busy = Number(by("#live .side")?.dataset.busy ?? 0);
    all("button.pressed").forEach((button) => button.classList.remove("pressed"));
    all("#live [data-card]").forEach((card) => { card.hidden = shut.has(card.dataset.card); });
    const tiles = all("#live .tile").length;
    const room = Math.min(tiles * 88 + (tiles ? 16 : 0), 0.45 * by("#strip").clientWidth);
    by("#strip").style.setProperty("--tiles", `${room}px`);
    document.body.dataset.busy = busy ? "yes" : "";
    if (busy) document.title = `(${busy}) ${plain()}`;
    else if (before) {
      document.title = document.hidden ? `✓ ${plain()}` : plain();
      const wanted = localStorage.getItem("srpo-tell") === "yes" && document.hidden;
      if (wanted && window.Notification?.permission === "granted")
        new Notification(plain(), { body: srpo.say("script-all-done"), tag: "srpo" });
    }
    before = busy;
    const preview = by("#live [data-draft]");
    const stage = by("#stage .stage");
    if (!preview || byHand) by("img.draft", stage)?.remove();
    else {
      const image = by("img.draft", stage) ?? Object.assign(new Image(), { className: "draft", alt: "Preview" });
      image.src = preview.src;
      if (!image.isConnected) stage.append(image);
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && document.title.startsWith("✓")) document.title = plain();
  });

  // --- The drawer ------------------------------------------------------------------------------

  const drawer = (open) => {
    const box = by("#queue");
    if (!box) return;
    box.classList.toggle("open", open);
    box.toggleAttribute("inert", !open);
    if (open) by("button", box)?.focus();
    else if (box.contains(document.activeElement)) by("[data-open=queue]")?.focus();
    const tell = by("[data-tell]", box);
    if (tell) tell.checked = localStorage.getItem("srpo-tell") === "yes";
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && by("#queue.open") && !by("dialog[open]")) drawer(false);
    const typing = event.target.closest?.("input, textarea, [role=slider], [role=combobox]");
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || typing || event.ctrlKey || event.metaKey || event.altKey || by("dialog[open]")) return;
    if (!event.target.closest?.("#shots, #stage, body:not(:has(:focus))")) return;
    const order = ids();
    const next = order[order.indexOf(chosen) + step];
    if (!next) return;
    event.preventDefault();
    select(next, true);
    const pick = by(".pick", shotOf(next));
    if (event.target.closest("#shots")) pick.focus();
    pick.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("[data-tell]")) return;
    localStorage.setItem("srpo-tell", event.target.checked ? "yes" : "");
    if (event.target.checked) window.Notification?.requestPermission();
  });

  // --- Clicks ----------------------------------------------------------------------------------

  const said = (button, text) => {
    const label = button.textContent;
    button.textContent = text;
    setTimeout(() => { button.textContent = label; }, 1500);
  };

  const copyImage = async (button) => {
    const image = await createImageBitmap(await (await fetch(button.dataset.copyImage)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
  };

  const view = (button) => {
    const id = button.dataset.view;
    srpo.view(id, ids(), { compare: "compare" in button.dataset });
  };

  // A press ends when a job is shown, with a sentence in the form that says why there is none, or late.
  const press = (button) => {
    button.classList.add("pressed");
    const answered = new MutationObserver((changes) => {
      const said = changes.some(({ target, addedNodes }) => target.closest?.(".notices")
        && [...addedNodes].some((node) => node.matches?.(".notice") || node.querySelector?.(".notice")));
      if (said) release();
    });
    const release = () => {
      answered.disconnect();
      button.classList.remove("pressed");
    };
    answered.observe(button.closest(".workbench-form"), { childList: true, subtree: true });
    setTimeout(release, 8000);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    const data = button.dataset;
    if (button.classList.contains("generate")) {
      byHand = false;
      press(button);
      all("#live [data-card]").forEach((card) => shut.add(card.dataset.card));
    } else if (data.do) {
      const { do: what, job, pick, price, ask, no } = data;
      const label = button.textContent.trim();
      if (ask && !(await srpo.ask({ title: label, text: ask, yes: label, no }))) return;
      hub("act", { do: what, job, pick, price, asked: Boolean(ask) });
    } else if (data.act) hub(data.act, { entry: data.entry });
    else if (data.pickShot) select(data.pickShot, true);
    else if (data.view) view(button);
    else if (data.open === "queue") drawer(!by("#queue.open"));
    else if (data.close === "queue") drawer(false);
    else if (data.shut) {
      shut.add(data.shut);
      lively();
    } else if (data.tile) {
      shut.delete(data.tile);
      lively();
      if (!by(`#live [data-card="${data.tile}"]`)) drawer(true);
    } else if (data.copyImage) {
      copyImage(button).then(() => said(button, srpo.say("script-copied")), () => said(button, srpo.say("script-not-allowed")));
    }
  });

  // --- Files from anywhere ---------------------------------------------------------------------

  const made = (tag, more = {}) => Object.assign(document.createElement(tag), more);

  // Shows a dialog with these nodes and buttons; resolves with the chosen name, "" for Escape.
  const choose = (title, nodes, buttons) => new Promise((done) => {
    const box = made("dialog", { className: "ask" });
    box.setAttribute("aria-labelledby", "choose-title");
    const form = made("form", { method: "dialog", className: "acts" });
    for (const [value, label] of buttons)
      form.append(made("button", { value, textContent: label, className: value ? "yes quiet" : "no quiet" }));
    box.append(made("h2", { id: "choose-title", textContent: title }), ...nodes, form);
    box.addEventListener("close", () => {
      box.remove();
      done(box.returnValue);
    });
    by(".gradio-container").append(box);
    box.showModal();
    by(".yes", form).focus();
  });

  const onImages = () => by('[data-tab-id="image-to-image"][aria-selected="true"]');

  const asSource = async (file) => {
    by('[data-tab-id="image-to-image"]').click();
    const carried = new DataTransfer();
    carried.items.add(file);
    for (let tries = 0; tries < 100; tries += 1) {
      const input = by("#image-to-image-image input[type=file]");
      if (input) {
        input.files = carried.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
        return;
      }
      await new Promise((next) => setTimeout(next, 30));
    }
  };

  const read = srpo.channel();
  const take = async (file) => {
    const image = file.type.startsWith("image/") && by('[data-tab-id="image-to-image"]');
    if (onImages()) return asSource(file);
    if (!image) return read(file);
    const texts = srpo.texts.file;
    const what = await choose(texts.title, [], [["source", texts.source], ["read", texts.read], ["", texts.no]]);
    if (what === "source") asSource(file);
    if (what === "read") read(file);
  };

  const carries = (event) => event.dataTransfer?.types?.includes("Files");
  const elsewhere = (event) => !event.target.closest?.(".block:has(input[type=file])");
  window.addEventListener("dragover", (event) => {
    if (carries(event) && elsewhere(event)) event.preventDefault();
  });
  window.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files?.[0];
    const count = event.dataTransfer?.files?.length ?? 0;
    if (!file || !elsewhere(event)) return;
    event.preventDefault();
    if (count > 1) srpo.history.tellBelow(srpo.history.say("many-files", { count }));
    else take(file);
  });
  window.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    const typing = event.target.closest?.("input, textarea");
    if (!file || (typing && event.clipboardData.getData("text/plain"))) return;
    event.preventDefault();
    take(file);
  });

  const line = ([name, label, value]) => {
    const box = made("label", { className: "setting" });
    const tick = made("input", { type: "checkbox", name, checked: true });
    box.append(tick, made("b", { textContent: label }), made("span", { textContent: value }));
    return box;
  };

  Object.assign(window.srpo, {
    connect(trigger) {
      hub.connect(trigger);
    },
    tell: hub,
    select,
    onFile(handler) {
      read.connect(handler);
    },
    async chooseSettings(found) {
      if (!found?.path) return null;
      const values = made("div", { className: "settings" });
      values.append(made("p", { textContent: found.text }), ...found.values.map(line));
      if (found.dropped.length) values.append(made("h3", { textContent: found.droppedTitle }));
      for (const [label, value, why] of found.dropped) {
        const lost = made("p", { className: "lost" });
        lost.append(made("b", { textContent: label }), ` ${value.slice(0, 200)} – ${why}`);
        values.append(lost);
      }
      const said = await choose(found.title, [values], [["yes", found.yes], ["", found.no]]);
      if (said !== "yes") return null;
      const names = all("input:checked", values).map((tick) => tick.name);
      return { path: found.path, names };
    },
    toForm() {
      by(".tabitem .controls")?.scrollTo({ top: 0 });
      window.scrollTo({ top: 0 });
    },
  });

  // The viewer and the history change images too.
  document.addEventListener("srpo:changed", () => hub("act", { do: "redraw", job: "" }));

  let liveText = "";
  let shotText = "";
  srpo.tend(() => {
    const live = by("#live .side") && by("#live");
    const strip = by("#shots");
    if (!live || !strip || !by("#stage .stage")) return;
    if (live.innerHTML !== liveText) lively();
    liveText = live.innerHTML;
    const now = all(".shot", strip).map((shot) => shot.innerHTML).join();
    if (now !== shotText || known === null) arrived();
    shotText = now;
    const box = by("#queue");
    if (box && !box.dataset.seen) {
      box.dataset.seen = "yes";
      box.setAttribute("role", "dialog");
      box.setAttribute("aria-label", srpo.say("script-queue"));
      box.toggleAttribute("inert", true);
    }
  });
})();
