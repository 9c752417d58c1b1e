/* Earlier prompts in the prompt's box while somebody types: those that hold what is typed.
   The box stays a text field of more than one line, so the list is its completion, not a menu of it:
   a key means something else only while an entry is highlighted, Esc only while the list is open. */
(() => {
  const KEPT = "srpo-complete";
  const WAIT_MS = 150;
  const LEAST = 2;
  const LONGEST = 200; // as ui/generate/past.py
  const UNSPACED = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff]/;
  const NAME = "prompt-completions";
  const ask = srpo.channel();
  let asked = "";
  let answer = null;
  let waiting = 0;
  let area = null; // the box whose list is open
  let prompts = [];
  let at = -1;

  const isOff = () => {
    try {
      return localStorage.getItem(KEPT) === "off";
    } catch {
      return false;
    }
  };
  const plain = (text) => text.replace(/\s+/g, " ").trimStart().slice(0, LONGEST);
  const atEnd = (box) => box.selectionStart === box.value.length && box.selectionEnd === box.value.length;

  const part = (name, make) => document.getElementById(name) ?? (document.querySelector(".gradio-container .contain") ?? document.body).appendChild(make());
  const list = () =>
    part(NAME, () => {
      const made = Object.assign(document.createElement("div"), { id: NAME, className: "completions", popover: "manual" });
      made.setAttribute("role", "listbox");
      made.setAttribute("aria-label", srpo.say("script-completions"));
      // The focus stays in the box, wherever one presses.
      made.addEventListener("pointerdown", (event) => event.preventDefault());
      made.addEventListener("mousedown", (event) => event.preventDefault());
      made.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) take(Number(option.dataset.at));
      });
      return made;
    });
  const tell = (text) => {
    part(`${NAME}-said`, () => {
      const made = Object.assign(document.createElement("div"), { id: `${NAME}-said`, className: "spoken" });
      made.setAttribute("role", "status");
      return made;
    }).textContent = text;
  };

  const close = () => {
    clearTimeout(waiting);
    asked = "";
    if (!area) return;
    for (const name of ["aria-controls", "aria-activedescendant", "aria-haspopup"]) area.removeAttribute(name);
    area = null;
    list().hidePopover();
    tell("");
  };

  const highlight = (next) => {
    at = next;
    [...list().children].forEach((option, n) => option.setAttribute("aria-selected", n === at));
    if (at < 0) area.removeAttribute("aria-activedescendant");
    else area.setAttribute("aria-activedescendant", `${NAME}-${at}`);
  };

  const take = (n) => {
    const [box, text] = [area, prompts[n]];
    close();
    box.focus();
    box.select();
    // So that Ctrl+Z brings back what was typed.
    if (!document.execCommand("insertText", false, text)) {
      box.value = text;
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    close();
  };

  // Below what is typed, or above it where the button to generate would be covered.
  const place = () => {
    const box = area.getBoundingClientRect();
    const shown = list();
    const height = shown.offsetHeight;
    const generate = srpo.visible("button.generate")?.getBoundingClientRect();
    const floor = generate && generate.top > box.bottom ? Math.min(innerHeight, generate.top) : innerHeight;
    const above = box.bottom + 4 + height > floor && box.top - 4 - height > 0;
    const width = Math.min(Math.max(box.width, 300), innerWidth - 24);
    Object.assign(shown.style, {
      width: `${width}px`,
      left: `${Math.min(Math.max(box.left, 12), innerWidth - 12 - width)}px`,
      top: `${above ? box.top - 4 - height : box.bottom + 4}px`,
    });
  };

  const marked = (option, text, typed) => {
    const start = text.toLowerCase().indexOf(typed.trim().toLowerCase());
    const end = start + typed.trim().length;
    if (start < 0 || text.toLowerCase().length !== text.length) return option.append(text);
    // What is long is shown from shortly before what fits.
    const from = start > 24 ? text.lastIndexOf(" ", start - 12) + 1 : 0;
    const bold = Object.assign(document.createElement("b"), { textContent: text.slice(start, end) });
    option.append(from ? "…" : "", text.slice(from, start), bold, text.slice(end));
  };

  const open = (box, found, typed) => {
    area = box;
    prompts = found;
    list().replaceChildren(...found.map((text, n) => {
      const option = Object.assign(document.createElement("div"), { id: `${NAME}-${n}`, title: text });
      option.setAttribute("role", "option");
      option.dataset.at = n;
      marked(option, text, typed);
      return option;
    }));
    if (!list().matches(":popover-open")) list().showPopover();
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-haspopup", "listbox");
    box.setAttribute("aria-controls", NAME);
    highlight(-1);
    place();
    tell(srpo.say("script-completed", { count: found.length }));
  };

  Object.assign(window.srpo, {
    findCompletions(asking) {
      ask.connect(asking);
    },
    completionsFound(found) {
      if (found?.completions) answer = found;
      const box = document.activeElement;
      if (!found?.completions || found.typed !== asked || !box?.matches?.(".prompt textarea")) return;
      if (plain(box.value) !== asked || !atEnd(box) || document.querySelector(".pop:popover-open")) return;
      // The server looks for the beginning of a long text; here all of it counts.
      const whole = box.value.trim().toLowerCase();
      const fits = (one) => one !== box.value.trim() && (whole.length < LONGEST || one.toLowerCase().includes(whole));
      const left = found.completions.filter(fits);
      if (left.length) open(box, left, box.value);
      else close();
    },
  });

  const typed = (event) => {
    const box = event.target;
    if (!event.isTrusted || !box.matches?.(".prompt textarea") || event.isComposing) return;
    clearTimeout(waiting);
    const text = plain(box.value);
    const enough = text.trim().length >= LEAST || UNSPACED.test(text);
    if (!enough || isOff() || !atEnd(box)) return close();
    if (area) highlight(-1);
    waiting = setTimeout(() => {
      asked = text;
      ask(text);
      if (answer?.typed === text) srpo.completionsFound(answer); // no news where the answer is the same
    }, WAIT_MS);
  };
  document.addEventListener("input", typed);
  document.addEventListener("compositionend", typed);

  window.addEventListener("keydown", (event) => {
    if (event.target !== area || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = prompts.length - 1;
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown" && atEnd(area)) highlight(Math.min(at + 1, last));
    else if (event.key === "ArrowUp" && at >= 0) highlight(at - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0 && !event.shiftKey) take(at);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  document.addEventListener("focusout", ({ target }) => { if (target.matches?.(".prompt textarea")) close(); });
  document.addEventListener("selectionchange", () => { if (area && !atEnd(area)) close(); });
  window.addEventListener("resize", () => { if (area) place(); });
  window.addEventListener("scroll", () => { if (area) place(); }, true);

  document.addEventListener("beforetoggle", ({ target, newState }) => {
    const box = target.querySelector?.("[data-complete]");
    if (box && newState === "open") box.checked = !isOff();
  }, true);
  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("[data-complete]")) return;
    try {
      localStorage.setItem(KEPT, target.checked ? "on" : "off");
    } catch { /* Where nothing may be kept, it is on at the next visit. */ }
  });
})();
