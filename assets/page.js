/* What the page does in the browser alone: keys, ratios, remembering, dropping files. */
window.srpo = (() => {
  const ratios = {};
  const round = (value, [low, high, step]) =>
    Math.min(high, Math.max(low, Math.round(value / step) * step));

  const visible = (selector) =>
    [...document.querySelectorAll(selector)].find((node) => node.offsetParent !== null);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const button = visible("button.generate");
      if (button && !button.disabled) {
        event.preventDefault();
        // The prompt reaches the page's state on input; a pending one is flushed by a blur.
        document.activeElement?.blur?.();
        setTimeout(() => button.click(), 30);
      }
    }
  });

  const frames = (count, then) => requestAnimationFrame(() => (count > 1 ? frames(count - 1, then) : then()));
  const MAKING = ".rest:not(:has(.stepper)), .details > .label-wrap:not([data-seen=whole])";

  // What Gradio's components lack is added when they appear, at most once a frame, and not before
  // the page can be used.
  const tasks = [];
  let planned = false;
  const tend = () => {
    planned = false;
    if (document.querySelector("button.generate")) tasks.forEach((task) => task());
  };
  const plan = () => {
    if (!planned) requestAnimationFrame(tend);
    planned = true;
  };
  new MutationObserver(plan).observe(document, { childList: true, subtree: true });

  tasks.push(() => {
    // Gradio's upload area names itself differently from what it shows; what it shows is its name.
    document
      .querySelectorAll("button.upload-container[aria-label]")
      .forEach((button) => button.removeAttribute("aria-label"));
    // Gradio's messages are a button around a button; the inner one, which closes, is enough.
    document.querySelectorAll(".toast-header[role=button]").forEach((header) => {
      header.removeAttribute("role");
      header.removeAttribute("tabindex");
    });
    // A slider is a range and a number; the range is the one stop of the Tab key.
    document
      .querySelectorAll(".slider input[type=number]:not([tabindex])")
      .forEach((input) => input.setAttribute("tabindex", "-1"));
    document.querySelectorAll(".details > .label-wrap:not([data-seen])").forEach((fold) => {
      const tell = () => fold.setAttribute("aria-expanded", fold.classList.contains("open"));
      fold.dataset.seen = "yes";
      new MutationObserver(tell).observe(fold, { attributeFilter: ["class"] });
      tell();
      // Where there is no room for it, it is closed before anybody saw it open; not at once, since
      // Gradio says a frame later once more that it is open.
      const small = innerHeight < 700 || innerWidth <= 980;
      frames(2, () => {
        if (small && fold.classList.contains("open")) fold.click();
        fold.dataset.seen = "whole";
      });
    });
    // What a form does not begin with is made once its beginning and its end were drawn.
    const whole = ".workbench-form:has(.generate) .rest > .label-wrap:not([data-seen])";
    document.querySelectorAll(whole).forEach((fold) => {
      fold.dataset.seen = "yes";
      setTimeout(() => fold.click());
    });
    document.querySelectorAll(".seed input:not([inputmode])").forEach((input) => {
      input.setAttribute("inputmode", "numeric");
    });
    // Radio buttons of one group are one stop of the Tab key, and the arrow keys go through them.
    document.querySelectorAll(".ratios").forEach((group) => {
      group.querySelectorAll("input").forEach((input) => { input.name = group.id; });
    });
    document.querySelectorAll("button.icon:not([title])").forEach((button) => {
      button.title = button.textContent.trim();
    });
  });

  // The server answers in this language from the next request on. Inside a page of another site
  // only a cookie that is marked for that is kept, and only on https.
  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("select[data-language]")) return;
    const framed = location.protocol === "https:" ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
    document.cookie = `srpo-lang=${target.value}; Path=/; Max-Age=31536000; ${framed}`;
    location.reload();
  });

  // Scripts and styles of the other tabs. The styles stand before those of the theme, which may be
  // as strong and then count. A connection may fail for a moment: what did not come is asked for
  // again, under an address that browsers do not remember as broken.
  const insisting = (ask, address, tries = 0) => ask(`${address}${tries ? `?${tries}` : ""}`).catch(async (error) => {
    if (tries === 5) throw error;
    await new Promise((done) => setTimeout(done, 300 * 2 ** tries));
    return insisting(ask, address, tries + 1);
  });
  const fetched = () => {
    const { script, styles } = srpo.later;
    const styled = (address) => new Promise((done, failed) => {
      const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: address });
      sheet.onload = done;
      sheet.onerror = () => { sheet.remove(); failed(new Error(address)); };
      document.querySelector('link[href*="/own-"]').after(sheet);
    });
    const come = [
      insisting((address) => import(address), new URL(script, import.meta.url)),
      insisting(styled, new URL(styles, import.meta.url)),
    ];
    return Promise.all(come).then(() => {
      document.body.dataset.others = "here";
    }, (error) => {
      const told = Object.assign(document.createElement("p"), { className: "others-missing", textContent: srpo.say("script-others-missing") });
      told.setAttribute("role", "alert");
      document.body.append(told);
      console.error(error);
      return new Promise(() => {}); // what waits for them never begins
    });
  };
  let others = null;
  let opened = false;

  const clicks = {};
  const forget = () => Object.keys(clicks).forEach((task) => delete clicks[task]);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("button[data-do]")) forget();
  }, true);

  return {
    // A sentence of the catalogue, which the server adds in the language of the page.
    say: (key, values = {}) => Object.entries(values).reduce(
      (text, [name, value]) => text.split(`{${name}}`).join(value), srpo.texts.said[key]),
    visible,
    // Hands over what is said to a part of the page that may come a moment later.
    channel() {
      const early = [];
      let hear = (...said) => void early.push(said);
      return Object.assign((...said) => hear(...said), {
        connect(found) {
          hear = found;
          early.splice(0).forEach((said) => hear(...said));
        },
      });
    },
    // Resolves once the scripts and styles of the other tabs are there; the first call fetches them.
    others: () => (others ||= fetched()),
    // What is never seen is made after what is seen was drawn; then, with `whole`, the page is.
    settle(whole) {
      const made = () => {
        if (document.querySelector(MAKING) || !document.querySelector(".later .restorer")) frames(1, made);
        else frames(1, () => { document.body.dataset.restored = "yes"; });
      };
      frames(1, () => setTimeout(async () => {
        await srpo.others();
        if (!opened) document.querySelector(".later > .label-wrap")?.click();
        opened = true;
        if (whole) made();
      }));
    },
    tend: (task) => tasks.push(task),
    // One click is one job: a double click, with nothing changed or cancelled in between, says what
    // the first said: its name and the price on the button. The server asks where that is dear.
    click(task, price, wishes) {
      const wish = JSON.stringify(wishes);
      const last = clicks[task];
      if (last && performance.now() - last.at < 700 && last.wish === wish) return last.said;
      const name = crypto.getRandomValues(new Uint32Array(4)).join("-");
      const said = { name, price };
      clicks[task] = { at: performance.now(), said, wish };
      return said;
    },
    keep(names, values) {
      return Object.fromEntries(names.map((name, index) => [name, values[index]]));
    },
    ratio(form, lock, width, height) {
      ratios[form] = lock && width && height ? width / height : null;
    },
    follow(form, side, lock, width, height, limits) {
      const ratio = lock && (ratios[form] ||= width / height);
      if (side === "height") return ratio ? round(width / ratio, limits) : height;
      return ratio ? round(height * ratio, limits) : width;
    },
    // The chip of a size; "custom" stays while somebody is typing in its fields.
    ratioOf(form, sizes, width, height, now) {
      const typing = document.activeElement?.closest?.(`.size:has(#${form}-width) .custom`);
      const fits = ([, [wide, high]]) => wide === width && high === height;
      const name = typing && now === "custom" ? now : Object.entries(sizes).find(fits)?.[0] ?? "custom";
      return { __type__: "update", value: name, info: `${width} × ${height}` };
    },
    legal(value, limits) {
      return Number.isFinite(value) ? round(value, limits) : limits[0];
    },
    drawn(most) {
      return String(Math.floor(Math.random() * (most + 1)));
    },
    // The steps a strength runs are rounded up, to the letter as backends/local/order.py does it.
    counted(words, strength, steps) {
      const run = steps - Math.max(0, Math.trunc(steps - Math.min(steps * strength, steps)));
      const text = words.replace("{run}", run).replace("{steps}", steps);
      return `<p class="counted" role="status">${text}</p>`;
    },
    // The last click as a whole: its first seed and how many images it made.
    lastClick(watch, seed, count) {
      return Number.isInteger(watch?.seed) ? [String(watch.seed), watch.count ?? 1] : [seed, count];
    },
    async copy(text) {
      // On plain http elsewhere than on this machine a page has no clipboard.
      if (navigator.clipboard) return navigator.clipboard.writeText(text);
      // Behind an open dialog nothing can be selected.
      const place = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
      const area = place.appendChild(document.createElement("textarea"));
      area.value = text;
      area.select();
      document.execCommand("copy");
      area.remove();
    },
  };
})();
