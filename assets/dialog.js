/* Questions before something dear: the page's own dialog, answered with yes or no. */
(() => {
  let asking = null;

  const made = (tag, more = {}) => Object.assign(document.createElement(tag), more);

  const button = (label, kind) =>
    made("button", { type: "button", className: `${kind} quiet`, textContent: label });

  const listed = (facts) => {
    const list = made("dl");
    for (const [name, value] of facts) {
      list.append(made("dt", { textContent: name }), made("dd", { textContent: value }));
    }
    return list;
  };

  const drawn = ({ title, text = "", facts = [], yes, no, stern = false }) => {
    const dialog = made("dialog", { className: "ask" });
    dialog.setAttribute("role", "alertdialog");
    dialog.setAttribute("aria-labelledby", "ask-title");
    dialog.setAttribute("aria-describedby", "ask-text");
    const about = made("div", { id: "ask-text" });
    if (text) about.append(made("p", { textContent: text }));
    if (facts.length) about.append(listed(facts));
    const acts = made("p", { className: "acts" });
    acts.append(button(no, "no"), button(yes, stern ? "yes stern" : "yes"));
    dialog.append(made("h2", { id: "ask-title", textContent: title }), about, acts);
    return dialog;
  };

  // Resolves to true for a yes, to false for a no, for Esc and while another question is open.
  // A text alone is asked as it stands, with a label for the yes.
  window.srpo.ask = (asked, label) => {
    const question = typeof asked === "string"
      ? { title: asked, yes: label, no: srpo.texts.no }
      : asked;
    if (asking) return Promise.resolve(false);
    const before = document.activeElement;
    const dialog = drawn(question);
    // Where the style sheet of the page reaches.
    (document.querySelector(".gradio-container .contain") ?? document.body).append(dialog);
    asking = dialog;
    return new Promise((answer) => {
      const close = (agreed) => {
        if (asking !== dialog) return;
        asking = null;
        dialog.close();
        dialog.remove();
        before?.focus?.({ preventScroll: true });
        answer(agreed);
      };
      dialog.querySelector(".yes").addEventListener("click", () => close(true));
      dialog.querySelector(".no").addEventListener("click", () => close(false));
      dialog.addEventListener("cancel", (event) => (event.preventDefault(), close(false)));
      dialog.addEventListener("click", (event) => event.target === dialog && close(false));
      // Keys belong to the question: neither Ctrl + Enter nor Esc means the page behind it.
      dialog.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "Enter" && event.repeat) event.preventDefault();
        if (event.key !== "Escape") return;
        event.preventDefault();
        close(false);
      });
      dialog.showModal();
      dialog.querySelector(question.stern ? ".no" : ".yes").focus();
    });
  };
})();
