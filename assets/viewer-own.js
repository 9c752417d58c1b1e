/* What a person keeps with the image in the viewer: title, note, tags, collections; its lineage. */
(() => {
  const history = window.srpo.history;
  const { el, say, ask, change, tellBelow } = history;
  let box = null;
  let shown = ""; // whose facts are in the box
  let about = null;

  const part = (selector) => box.querySelector(selector);
  const wrong = (error) => {
    const said = part(".hist-said");
    said.textContent = error?.message ?? "";
    said.hidden = !error;
  };

  const save = async (name, input) => {
    const id = shown;
    if (!about || input.value === about[name]) return;
    try {
      await ask("describe", { id, [name]: input.value });
    } catch (error) {
      return wrong(error);
    }
    wrong(null);
    if (id === shown) about[name] = input.value;
  };

  const chip = (text, label, act) => el("span", { className: "hist-chip" }, el("span", { textContent: text }),
    el("button", { type: "button", className: "off", textContent: "×", title: label, aria: { label }, onclick: act }));
  const alter = async (what, value) => {
    try {
      await change(what, [shown], { value });
      await load(shown);
      history.know(true).catch(() => {});
    } catch (error) {
      wrong(error);
    }
  };
  const drawKept = () => {
    const tag = el("input", { type: "text", maxLength: 60, placeholder: say("tag-one"), aria: { label: say("tag-one") } });
    const form = el("form", { className: "add" }, tag);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (tag.value.trim()) alter("tag", tag.value.trim());
    });
    part(".kept").replaceChildren(
      ...about.collections.map((one) => chip(one.title, say("take-out-one", { title: one.title }), () => alter("take-out", one.id))),
      ...about.tags.map((name) => chip(`#${name}`, say("untag-one", { title: name }), () => alter("untag", name))),
      form);
  };

  const row = (title, images, more = "") => images.length ? [el("h3", { textContent: title }), el("p", { className: "line" },
    ...images.map((one) => {
      const label = say("open-image", { title: one.prompt });
      const button = el("button", { type: "button", title: one.prompt, aria: { label },
        onclick: () => srpo.view(one.id, walk(one.id)) }, el("img", { src: one.thumbnail, alt: "", loading: "lazy" }));
      if (one.flagged) button.dataset.flagged = "";
      button.dataset.entry = one.id;
      return button;
    }), more)] : [];
  // What is in the trash is seen, and can be taken out; it is not walked to.
  const discarded = (one, title) => [el("h3", { textContent: title }), el("p", { className: "line" },
    el("span", { title: one.prompt, data: one.flagged ? { flagged: "", entry: one.id } : {} }, el("img", { src: one.thumbnail, alt: one.prompt })),
    el("button", { type: "button", className: "quiet", textContent: say("restore"), onclick: async () => {
      const id = shown;
      await history.restore([one.id]);
      if (id === shown) load(id);
    } }))];
  // The arrows lead back to where somebody came from.
  const walk = (to) => {
    const family = [about.in_trash ? "" : about.made_from?.id, about.id, ...about.made_into.map((one) => one.id)].filter(Boolean);
    return family.includes(to) ? family : [about.id, to];
  };
  const drawKin = () => {
    const { made_from: from, in_trash: trash, gone, made_into: into, more, set, strength, source } = about;
    const also = (name) => `${say(name)}${strength === null ? "" : ` · ${strength}`}`;
    const title = strength === null ? say("made-from") : say("made-from-strength", { value: String(strength) });
    const origin = gone ? "made-from-gone" : "made-from-file";
    const file = !from && source ? [el("h3", { textContent: also(origin) }),
      el("p", { className: "line" }, el("img", { src: source, alt: say(origin) }))] : [];
    const all = set ? [el("p", {}, el("button", { type: "button", className: "plain", textContent: say("set", { title: set.title || "–" }),
      onclick: () => go({ set_id: set.id }) }))] : [];
    part(".kin").replaceChildren(...(!from ? file : trash ? discarded(from, also("made-from-trash")) : row(title, [from])),
      ...row(say("made-into"), into, more ? el("span", { textContent: say("made-more", { count: more }) }) : ""), ...all);
  };

  // Shows images in the history instead.
  const go = (wanted) => {
    srpo.leaveViewer();
    document.querySelector("[role=tab][data-tab-id=history]")?.click();
    history.want(wanted);
  };
  const acts = {
    like: () => go({ like: shown }),
    duplicates: async () => {
      const id = shown;
      try {
        const { entries } = await ask("duplicates", { id });
        if (id !== shown) return;
        if (entries.length < 2) return tellBelow(say("duplicates-none"));
        part(".kin .same")?.remove();
        part(".kin").append(el("div", { className: "same" }, ...row(say("duplicates"), entries.slice(1))));
      } catch (error) {
        wrong(error);
      }
    },
  };

  const load = async (id) => {
    let told;
    try {
      told = await ask("about", { id });
    } catch {
      return; // the viewer itself says what is missing
    }
    if (id !== shown) return;
    about = told;
    for (const name of ["title", "note"]) part(`[name=${name}]`).value = told[name];
    drawKept();
    drawKin();
    box.hidden = box.inert = false;
  };

  const build = (dialog) => {
    box = dialog.querySelector(".own");
    for (const name of ["title", "note"]) {
      part(`[name=${name}]`).addEventListener("change", ({ target }) => save(name, target));
    }
    part("[name=title]").addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.target.blur();
    });
    box.addEventListener("click", ({ target }) => acts[target.closest("[data-own]")?.dataset.own]?.());
  };
  document.addEventListener("srpo:viewing", ({ detail }) => {
    if (!box) build(detail.dialog);
    // What was typed belongs to the image it was typed for.
    if (shown && box.contains(document.activeElement)) document.activeElement.blur();
    shown = detail.id;
    about = null;
    box.inert = true; // it keeps its place, so that nothing below it jumps
    wrong(null);
    load(shown);
  });
})();
