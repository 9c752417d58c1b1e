/* The form of the Compare tab: what is asked for, planned at every change, and run. */
(() => {
  const { by, all, el, hear, hub } = srpo.compare;
  const KEPT = "srpo-compare-form";
  const SIDES = ["columns", "rows", "pages", "third"];
  let overview = null;
  let plan = null;
  let source = null;
  let extend = "";
  let count = 0;
  let opened = false;
  let pending;
  let wanted = null;
  let title = "";
  let awaited = null;

  const form = () => by(".cmp-form");
  const select = (side) => by(`#compare-${side}`);
  const area = (side) => by(`[data-axis="${side}"] textarea`);
  const task = () => (source ? "image-to-image" : "text-to-image");

  // --- What the form says ----------------------------------------------------------------------

  const several = () => select("columns").value === "targets";
  const sides = () => SIDES.filter((side) => {
    const value = select(side).value;
    return value && value !== "targets" && !select(side).closest("[hidden]");
  });

  const ask = () => ({
    prompt: by("#compare-prompt").value,
    image: source?.note ?? null,
    targets: all(".cmp-targets input:checked").map((input) => input.value),
    columns: select("columns").value,
    axes: sides().map((side) => ({ field: select(side).value, text: area(side).value })),
    rest: Object.fromEntries(all(".cmp-rest input").filter((input) => !input.closest("[hidden]")).map((input) => [input.name, input.value])),
    extends: extend,
    title,
    collection: by("#compare-collection").value,
  });

  // What this browser keeps of it also says which side each axis stands on.
  const keep = () => {
    const kept = { ...ask(), source, sides: sides(), extends: "" };
    localStorage.setItem(KEPT, JSON.stringify(kept));
  };

  const replan = (wait = 180) => {
    keep();
    summed();
    clearTimeout(pending);
    by("#compare-run").classList.add("stale");
    pending = setTimeout(() => {
      count += 1;
      hub("plan", { ask: ask(), n: count });
    }, wait);
  };

  // --- Filling it ------------------------------------------------------------------------------

  const option = (value, label) => el("option", { value, textContent: label });

  const fill = () => {
    if (!overview?.tasks) return;
    const { fields, targets } = overview.tasks[task()];
    const options = fields.map((field) => [field.name, field.label]);
    for (const side of SIDES) {
      const before = select(side).value;
      const first = side === "columns" ? [["targets", srpo.say("script-targets")]] : [["", srpo.say("script-nothing")]];
      const offered = side === "columns" ? options.filter(([name]) => name !== "lines") : options;
      const listed = [...first, ...offered].map(([value, label]) => option(value, label));
      select(side).replaceChildren(...listed);
      if ([...first, ...offered].some(([value]) => value === before)) select(side).value = before;
    }
    const checked = wanted ?? all(".cmp-targets input:checked").map((input) => input.value);
    wanted = null;
    const kind = several() ? "checkbox" : "radio";
    const lines = targets.map((target) => {
      const input = el("input", { type: kind, name: "compare-target", value: target.key,
        checked: checked.includes(target.key), disabled: Boolean(target.why) });
      return el("label", { className: target.why ? "off" : "", title: target.why || target.label },
        input, el("span", { textContent: target.label }), el("i", { textContent: target.tag }),
        el("small", { textContent: target.why ? srpo.say("script-not-ready") : plan?.prices?.[target.key] ?? target.price }));
    });
    const legend = by(".cmp-targets legend");
    by(".cmp-targets").replaceChildren(legend, ...lines);
    if (!all(".cmp-targets input:checked").length) propose();
    // What no backend offers is not there; a field of one of them is refused where others lack it.
    for (const box of all("[data-rest]")) box.hidden = !fields.some((field) => field.name === box.dataset.rest);
    tidy();
  };

  // Three axes at most: where the targets are the columns, the third one makes pages within pages.
  const third = () => {
    by('.cmp-group[data-side="third"]').hidden = !several() || !select("pages").value;
  };

  // The first question: SRPO beside the model it was tuned from, at the same service.
  const propose = () => {
    const [first, ...others] = all(".cmp-targets input:not(:disabled)");
    if (!first) return;
    const service = first.value.split("|")[0];
    const base = others.find((input) => input.value.startsWith(`${service}|`) && input.value.includes("[dev]"));
    first.checked = true;
    const second = base ?? others[0];
    if (several() && second) second.checked = true;
  };

  const tidy = () => {
    third();
    const fields = overview?.tasks?.[task()].fields ?? [];
    for (const side of SIDES) {
      const value = select(side).value;
      const axis = by(`[data-axis="${side}"]`);
      axis.hidden = !value || value === "targets";
      const list = by(`[data-list="${side}"]`);
      if (list) list.hidden = value !== "lines";
      const box = area(side);
      box.placeholder = fields.find((field) => field.name === value)?.hint
        || (value === "lines" ? srpo.say("script-csv-example") : "");
      const tall = value === "lines" ? 5 : value === "prompt" ? 2 : 1;
      box.rows = Math.max(tall, Math.min(8, box.value.split("\n").length));
    }
  };

  const label = (name) => by(`[data-rest="${name}"]`).firstChild.textContent.trim();

  const summed = () => {
    const said = all(".cmp-rest input").filter((input) => input.value && !input.closest("[hidden]"))
      .map((input) => `${label(input.name)} ${input.value}`);
    const open = ["steps", "guidance"].filter((name) => !by(`.cmp-rest [name="${name}"]`).value
      && !sides().some((side) => select(side).value === name));
    by(".cmp-sum").textContent = [...said, open.length ? srpo.say("script-each-own", { names: open.map(label).join(", ") }) : ""]
      .filter(Boolean).join(" · ");
  };

  const pictured = () => {
    by(".cmp-picture").hidden = !source;
    by('[data-cmp="source"]').hidden = Boolean(source);
    if (!source) return;
    by(".cmp-picture img").src = source.url;
    by(".cmp-picture span").textContent = source.text ?? "";
  };

  const mode = (note) => {
    const box = by(".cmp-mode");
    box.hidden = !note;
    by("span", box).textContent = note ?? "";
    by("button", box).hidden = !extend;
  };

  // A whole form: one that this browser kept, a set, or variations of an image.
  const put = (given) => {
    by("#compare-prompt").value = given.prompt ?? "";
    source = given.source ?? null;
    title = given.title ?? "";
    extend = given.extends ?? "";
    pictured();
    wanted = given.targets ?? [];
    select("columns").value = "targets";
    fill();
    select("columns").value = given.columns ?? "targets";
    const places = given.sides ?? (given.columns === "targets" ? SIDES.slice(1) : SIDES);
    for (const side of SIDES.slice(1)) select(side).value = "";
    for (const side of SIDES) area(side).value = "";
    (given.axes ?? []).forEach((axis, n) => {
      if (!places[n]) return;
      select(places[n]).value = axis.field;
      area(places[n]).value = axis.text;
    });
    for (const input of all(".cmp-rest input")) input.value = given.rest?.[input.name] ?? "";
    if ("collection" in given) by("#compare-collection").value = given.collection;
    wanted = given.targets ?? [];
    fill();
    mode(given.note);
    replan(0);
  };

  const restored = () => {
    try {
      return JSON.parse(localStorage.getItem(KEPT) ?? "null");
    } catch {
      return null;
    }
  };

  // --- What the server says --------------------------------------------------------------------

  // A tab is not there before it is first shown, however that comes about.
  srpo.tend(() => {
    if (form() && !opened && !overview) {
      overview = {};
      hub("overview", {});
    }
  });

  hear.overview = (value) => {
    if (!form()) return;
    overview = value;
    srpo.compare.sets(value.sets);
    const wild = by("[data-wild]");
    wild.hidden = !value.wildcards.length;
    const names = value.wildcards.map(([name, words]) => `${name} (${words})`).join(", ");
    wild.textContent = srpo.say("script-wildcards", { names });
    by("#compare-collections").replaceChildren(...value.collections.map((title) => el("option", { value: title })));
    if (opened) return fill();
    opened = true;
    const kept = restored();
    const rows = { columns: "targets", sides: ["rows"], axes: [{ field: "seed", text: "random 3" }] };
    put(awaited ?? (kept && typeof kept === "object" ? kept : rows));
    const last = localStorage.getItem("srpo-compare-set");
    if (last && !srpo.compare.state.table) hub("show", { set: last });
  };

  hear.styles = (value) => srpo.styles(value);

  const slot = (name) => by(`.cmp-form [data-slot="${name}"]`) ?? by('.cmp-form [data-slot="form"]');

  const trouble = (one) => {
    const at = one.field.startsWith("axis-") ? sides()[Number(one.field.slice(5))] ?? "form" : one.field;
    const place = at === "columns" ? slot("targets") : slot(at);
    const box = el("p", { className: "cmp-wrong" }, `${one.message} `);
    const fixable = one.nearest !== null && one.nearest !== undefined;
    if (fixable) box.append(el("button", { type: "button", className: "plain", textContent: srpo.say("script-use", { value: one.nearest }),
      data: { fix: JSON.stringify({ at, value: one.value, nearest: one.nearest }) } }));
    else if (one.advice) box.append(one.advice);
    if (place.closest("details")) place.closest("details").open = true;
    place.append(box);
  };

  const wrong = (troubles) => {
    all(".cmp-form .cmp-slot").forEach((place) => place.replaceChildren());
    troubles.forEach(trouble);
  };

  hear.plan = (value) => {
    if (value.made) {
      by("#compare-typed").value = "";
      if (extend || !by(".cmp-mode").hidden) {
        extend = "";
        mode("");
      }
      by("#compare-run").classList.remove("busy");
      if (plan && value.made !== plan.shown) {
        plan.shown = value.made;
        if (innerWidth <= 980) by(".cmp-stage").scrollIntoView();
        replan(0);
      }
      return;
    }
    by("#compare-run").classList.remove("busy");
    if (value.refused) return wrong([value.refused]);
    if (value.n && value.n !== count) return;
    plan = { ...value, shown: plan?.shown };
    wrong(value.troubles);
    sides().forEach((side, n) => {
      by(`[data-axis="${side}"] .cmp-count`).textContent = value.counts[n] ?? "";
    });
    for (const input of all(".cmp-targets input:not(:disabled)"))
      by("small", input.parentElement).textContent = value.prices[input.value] ?? "";
    by(".cmp-notes").replaceChildren(...value.notes.map((note) => el("p", { textContent: note })));
    const run = by("#compare-run");
    run.classList.remove("stale");
    run.textContent = value.label;
    run.disabled = !value.ready;
    by(".cmp-shape").textContent = value.shape;
    by(".cmp-left").textContent = value.left;
    by(".cmp-many").hidden = !value.many;
    by(".cmp-many span").textContent = value.type;
  };

  hear.fill = (value) => {
    if (!opened) {
      awaited = value;
      return;
    }
    if (value.wrong) return wrong([value.wrong]);
    if ("targets" in value) {
      put(value);
      by("#compare-run").scrollIntoView?.({ block: "nearest" });
      return;
    }
    source = value.source;
    pictured();
    fill();
    replan(0);
  };

  // --- Changes and clicks ----------------------------------------------------------------------

  const run = () => {
    if (!plan || by("#compare-run").disabled) return;
    const said = ask();
    const click = srpo.click("compare", plan.price, [said, by("#compare-typed").value]);
    by("#compare-run").classList.add("busy");
    setTimeout(() => by("#compare-run").classList.remove("busy"), 8000);
    hub("run", { ask: said, click, typed: by("#compare-typed").value });
  };

  const fixed = ({ at, value, nearest }) => {
    if (SIDES.includes(at)) {
      const box = area(at);
      const parts = box.value.split(/([,;\n])/);
      const same = (part) => part.trim() === String(value) || Number(part) === Number(value);
      const known = parts.some((part) => part.trim() && same(part));
      box.value = known ? parts.map((part) => (part.trim() && same(part) ? part.replace(part.trim(), nearest) : part)).join("")
        : `${nearest}`;
    } else {
      const input = by(`.cmp-rest [name="${at}"]`);
      if (input) input.value = nearest;
    }
    replan(0);
  };

  const read = async (file) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const kind = !wide ? "utf-8" : bytes[0] === 0xff ? "utf-16le" : "utf-16be";
    return new TextDecoder(kind, { fatal: true }).decode(bytes);
  };

  let side = "rows";
  const clicks = {
    run,
    source: () => by("#compare-source").click(),
    "no-source"() {
      source = null;
      pictured();
      fill();
      replan(0);
    },
    fresh() {
      extend = "";
      mode("");
      replan(0);
    },
    file(button) {
      side = button.dataset.side;
      by("#compare-csv").click();
    },
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#compare-form button");
    if (!button) return;
    if (button.dataset.fix) fixed(JSON.parse(button.dataset.fix));
    else clicks[button.dataset.cmp]?.(button);
  });

  document.addEventListener("input", (event) => {
    if (!event.target.closest?.("#compare-form") || event.target.id === "compare-typed") return;
    if (event.target.closest(".pop")) return;
    if (event.target.matches("textarea")) tidy();
    replan();
  });

  document.addEventListener("change", async (event) => {
    const { target } = event;
    if (!target.closest?.("#compare-form")) return;
    if (target.id === "compare-source" && target.files[0]) {
      const stored = await srpo.compare.upload(target.files[0]);
      target.value = "";
      hub("source", { path: stored.path });
    } else if (target.id === "compare-csv" && target.files[0]) {
      try {
        area(side).value = await read(target.files[0]);
        tidy();
        replan(0);
      } catch {
        wrong([{ field: side, message: srpo.say("script-not-utf8"), advice: srpo.say("script-not-utf8-advice"), nearest: null }]);
      }
      target.value = "";
    } else if (target.matches("select")) {
      fill();
      replan(0);
    } else if (target.closest(".cmp-targets")) replan(0);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    if (by("#compare-run")?.offsetParent && !by("dialog[open]")) {
      event.preventDefault();
      run();
    }
  });

  // Variations of any image: a button beside it asks which kind, and the form shows what it costs.
  const vary = (entry) => {
    const dialog = by("#vary-frame").content.firstElementChild.cloneNode(true);
    (by(".gradio-container .contain") ?? by(".gradio-container")).append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.vary) hub("vary", { entry, kind: button.dataset.vary });
      if (button || event.target === dialog) dialog.close();
    });
    dialog.showModal();
    by("[data-vary]", dialog).focus();
  };
  srpo.vary = vary;
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-vary-menu]");
    if (button) vary(button.dataset.varyMenu);
  });
})();
