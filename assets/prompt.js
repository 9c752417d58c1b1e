/* The tools in the prompt's box: ideas, earlier prompts and styles. Styles and what was generated with here
   are kept in this browser; the prompts of the history's images are asked for. */
(() => {
  const MOST = { "srpo-prompts": 200, "srpo-styles": 4000 };
  const LARGEST = 2_000_000; // as core/sets/styles.py
  const read = (name) => {
    try {
      const found = JSON.parse(localStorage.getItem(name) ?? "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return [];
    }
  };
  const write = (name, list) => localStorage.setItem(name, JSON.stringify(list.slice(0, MOST[name])));
  const WAIT_MS = 150;
  const ask = srpo.channel();
  let answer = { query: "", prompts: [] };
  let asking = 0;

  // Asks once nothing more is typed for a moment; what was found before is shown meanwhile.
  const find = (query) => {
    clearTimeout(asking);
    asking = setTimeout(() => ask(query.slice(0, 200)), WAIT_MS);
  };
  Object.assign(window.srpo, {
    findPrompts(asked) {
      ask.connect(asked);
    },
    promptsFound(found) {
      if (!found?.prompts) return;
      answer = found;
      document.querySelectorAll('.pop[data-pop="past"]:popover-open').forEach((pop) => fill(pop));
    },
  });

  const boxOf = (node) =>
    (node.closest(".prompt-box") ?? srpo.visible(".prompt-box")).querySelector(".prompt textarea");

  const put = (node, text) => {
    const area = boxOf(node);
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    node.closest("[popover]")?.hidePopover();
    area.focus();
  };

  const row = (label, hint, use, drop) => {
    const line = document.createElement("div");
    line.className = "line";
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.title = hint;
    button.addEventListener("click", use);
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    remove.className = "drop";
    remove.setAttribute("aria-label", srpo.say("script-forget", { name: label.slice(0, 60) }));
    remove.addEventListener("click", drop);
    line.append(button, ...(drop ? [remove] : []));
    return line;
  };

  const fill = (pop) => {
    const found = pop.querySelector(".found");
    if (!found) return;
    const styles = pop.dataset.pop === "styles";
    const name = styles ? "srpo-styles" : "srpo-prompts";
    const query = pop.querySelector(".find")?.value.toLowerCase() ?? "";
    const fits = (one) => styles || query.split(/\s+/).every((word) => one.toLowerCase().includes(word));
    const use = (one) => put(pop, styles ? styled(one, boxOf(pop).value.trim()) : one);
    const own = read(name).filter(fits);
    const made = styles || answer.query.toLowerCase() !== query ? [] : answer.prompts;
    const drop = (one) => () => {
      const text = JSON.stringify(one);
      write(name, read(name).filter((other) => JSON.stringify(other) !== text));
      fill(pop);
    };
    const lines = own.map((one) =>
      row(
        styles ? one.name : one,
        styles ? `${one.before}…${one.after}` : one,
        () => use(one),
        drop(one),
      ));
    lines.push(...made.filter((one) => !own.includes(one)).map((one) => row(one, one, () => use(one))));
    found.replaceChildren(...lines);
    if (!lines.length) found.textContent = found.dataset.empty;
  };

  // A style may name the place of the prompt more than once.
  const styled = ({ before, after }, text) =>
    `${before}${text}${after}`.replaceAll("{prompt}", () => text).replace(/^[ ,]+|[ ,]+$/g, "");

  // The server reads the file, because it says what is wrong with which line.
  const opened = async (pop, file) => {
    tell(pop, []);
    const bytes = new Uint8Array(await file.slice(0, LARGEST + 1).arrayBuffer());
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    srpo.compare.hub("styles", { data: btoa(text) });
  };
  const tell = (pop, lines) => {
    const said = lines.map((line) => Object.assign(document.createElement("p"), { textContent: line }));
    pop.querySelector(".style-said").replaceChildren(...said);
  };
  srpo.styles = ({ styles = [], said }) => {
    const names = new Set(styles.map((one) => one.name));
    if (styles.length) write("srpo-styles", [...styles, ...read("srpo-styles").filter((one) => !names.has(one.name))]);
    for (const pop of document.querySelectorAll(".pop.styles")) {
      if (!pop.matches(":popover-open")) continue;
      fill(pop);
      tell(pop, said);
    }
  };

  const place = (pop, button) => {
    const at = button.closest(".prompt-box").getBoundingClientRect();
    const narrow = innerWidth <= 760;
    const top = Math.min(at.bottom + 6, innerHeight - 260);
    Object.assign(pop.style, {
      left: `${narrow ? 12 : at.left}px`,
      top: `${top}px`,
      width: narrow ? "calc(100vw - 24px)" : `${Math.max(at.width, pop.dataset.pop === "ideas" ? 620 : 336)}px`,
      maxHeight: `${innerHeight - top - 16}px`,
    });
  };

  document.addEventListener("beforetoggle", (event) => {
    const pop = event.target;
    if (event.newState !== "open" || !pop.matches?.(".pop")) return;
    fill(pop);
    if (pop.dataset.pop === "past") find(pop.querySelector(".find").value);
    place(pop, document.querySelector(`[aria-controls="${pop.id}"]`));
  }, true);

  document.addEventListener("toggle", (event) => {
    const pop = event.target;
    if (!pop.matches?.(".pop")) return;
    const open = event.newState === "open";
    document.querySelector(`[aria-controls="${pop.id}"]`)?.setAttribute("aria-expanded", open);
    if (open) (pop.querySelector("input, .chip-place button, .cards button") ?? pop).focus();
  }, true);

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    if (button.dataset.prompt) {
      put(button, button.dataset.prompt);
      // An example brings the settings that made it, too.
      if (button.dataset.example) srpo.tell("idea", { example: button.dataset.example });
    }
    else if ("keepStyle" in button.dataset) {
      const pop = button.closest(".pop");
      const [name, before, after] = [...pop.querySelectorAll(".new-style input")].map((box) => box.value);
      if (!name.trim() || !(before + after).trim()) return pop.querySelector(".style-name").focus();
      const spaced = { name: name.trim(), before: before && `${before.trim()} `, after: after && ` ${after.trim()}` };
      write("srpo-styles", [spaced, ...read("srpo-styles").filter((one) => one.name !== spaced.name)]);
      pop.querySelectorAll(".new-style input").forEach((box) => { box.value = ""; });
      fill(pop);
    } else if ("openStyles" in button.dataset) {
      button.closest(".pop").querySelector(".style-file").click();
    } else if (button.classList.contains("generate")) {
      const text = srpo.visible(".prompt textarea")?.value.trim();
      if (text) write("srpo-prompts", [text, ...read("srpo-prompts").filter((one) => one !== text)]);
    }
  });
  document.addEventListener("input", (event) => {
    const pop = event.target.closest?.(".pop");
    if (pop && event.target.matches(".find")) {
      fill(pop);
      find(event.target.value);
    }
    if (event.target.matches?.(".prompt textarea")) measure(event.target);
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches?.(".style-file") || !event.target.files[0]) return;
    opened(event.target.closest(".pop"), event.target.files[0]);
    event.target.value = "";
  });

  // How long the prompt is, once that matters.
  const measure = (area) => {
    const place = area.closest(".prompt-box").querySelector(".length");
    const most = Number(area.getAttribute("maxlength")) || 4000;
    if (place) place.textContent = area.value.length > 400 ? srpo.say("script-length", { written: area.value.length, most }) : "";
  };

  // The empty stage offers the ideas of the form that is shown.
  srpo.tend(() => {
    document.querySelectorAll(".prompt-box").forEach((box) => {
      const chips = box.querySelector(".suggested .chips");
      const target = box.querySelector(".chip-place");
      const text = chips?.outerHTML ?? "";
      if (target && target.dataset.text !== text) {
        target.dataset.text = text;
        target.innerHTML = text;
      }
    });
    const starts = document.querySelector("#stage .empty .starts");
    const box = srpo.visible(".prompt-box");
    if (!starts || !box) return;
    const chips = box.querySelector(".chip-place")?.innerHTML ?? "";
    const cards = [...box.querySelectorAll(".pop.ideas .cards button")].slice(0, 4);
    const text = chips || cards.map((card) => card.outerHTML).join("");
    if (starts.dataset.text === text) return;
    starts.dataset.text = text;
    starts.innerHTML = text;
  });
})();
