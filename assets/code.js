/* The code panel: programs side by side under tabs, each with a button that copies it. */
(() => {
  const made = (tag, more = {}) => Object.assign(document.createElement(tag), more);
  let count = 0;

  const tabbed = (programs, pre) => {
    const list = made("div", { className: "kinds" });
    list.setAttribute("role", "tablist");
    const tabs = programs.map(([title, text], n) => {
      const tab = made("button", { type: "button", className: "quiet", textContent: title, id: `code-tab-${n}` });
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", "code-text");
      tab.addEventListener("click", () => choose(n));
      list.append(tab);
      return [tab, text];
    });
    const choose = (chosen) => {
      tabs.forEach(([tab, text], n) => {
        tab.setAttribute("aria-selected", n === chosen);
        tab.tabIndex = n === chosen ? 0 : -1;
        if (n !== chosen) return;
        pre.textContent = text;
        pre.setAttribute("aria-labelledby", tab.id);
      });
    };
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const here = tabs.findIndex(([tab]) => tab === document.activeElement);
      if (!step || here < 0) return;
      const next = (here + step + tabs.length) % tabs.length;
      choose(next);
      tabs[next][0].focus();
    });
    choose(0);
    return list;
  };

  window.srpo.code = (panel) => {
    if (!panel?.programs?.length) return;
    const before = document.activeElement;
    const dialog = made("dialog", { className: "ask code-of" });
    dialog.setAttribute("aria-labelledby", `code-title-${++count}`);
    const pre = made("pre", { id: "code-text", tabIndex: 0 });
    pre.setAttribute("role", "tabpanel");
    const close = made("button", { type: "button", className: "no quiet", textContent: panel.close });
    const copy = made("button", { type: "button", className: "yes quiet", textContent: panel.copy });
    copy.addEventListener("click", async () => {
      await srpo.copy(pre.textContent);
      copy.textContent = panel.copied;
      setTimeout(() => { copy.textContent = panel.copy; }, 1500);
    });
    const end = () => {
      dialog.close();
      dialog.remove();
      before?.focus?.({ preventScroll: true });
    };
    close.addEventListener("click", end);
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), end()));
    dialog.addEventListener("click", (event) => event.target === dialog && end());
    dialog.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") (event.preventDefault(), end());
    });
    dialog.append(made("h2", { id: `code-title-${count}`, textContent: panel.title }), tabbed(panel.programs, pre), pre);
    const [label, name, address] = panel.source;
    if (address) dialog.append(made("a", { href: address, download: name, textContent: label, className: "source-of" }));
    if (panel.note) dialog.append(made("p", { className: "note-of", textContent: panel.note }));
    const acts = made("p", { className: "acts" });
    acts.append(close, copy);
    dialog.append(acts);
    (document.querySelector(".gradio-container .contain") ?? document.body).append(dialog);
    dialog.showModal();
    dialog.querySelector("[role=tab]").focus();
  };
})();
