/* Lists over the history: all links to look at, and all images that show the same. */
(() => {
  const history = window.srpo.history;
  const { el, say, ask, tellBelow } = history;

  const button = (label, act, more = {}) =>
    el("button", { type: "button", className: "quiet", textContent: label, onclick: act, ...more });
  const dated = (moment) => new Date(moment * 1000).toLocaleDateString(document.documentElement.lang || "en", { dateStyle: "medium" });

  // A dialog with a title, a sentence, what can be done with all, and the list itself.
  const open = (title, kind, closed = () => {}) => {
    const name = el("h2", { id: `hist-${kind}-title`, textContent: title });
    const told = el("p", { className: "hist-about" });
    told.setAttribute("role", "status");
    const acts = el("div", { className: "hist-all" });
    const list = el("div", { className: `hist-${kind}` });
    const shut = el("button", { type: "button", className: "leave", textContent: "×", aria: { label: say("close") } });
    const dialog = el("dialog", { className: "ask hist-wide", aria: { labelledby: name.id } },
      el("header", {}, name, shut), el("div", { className: "hist-top" }, told, acts), list);
    const before = document.activeElement;
    const close = () => {
      dialog.close();
      dialog.remove();
      closed();
      before?.focus?.({ preventScroll: true });
    };
    shut.addEventListener("click", close);
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), close()));
    dialog.addEventListener("click", (event) => event.target === dialog && close());
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    (document.querySelector(".gradio-container .contain") ?? document.body).append(dialog);
    dialog.showModal();
    return { dialog, told, acts, list };
  };
  const thumbnail = (entry, act) => {
    const picture = el("button", { type: "button", className: "small", title: entry.prompt, onclick: act,
      data: { entry: entry.id }, aria: { label: say("open-image", { title: entry.title || entry.prompt }) } },
    el("img", { src: entry.thumbnail, alt: "", loading: "lazy" }));
    if (entry.flagged) picture.dataset.flagged = "";
    return picture;
  };

  // --- Links to look at -------------------------------------------------------------------------

  const links = async () => {
    const { told, acts, list } = open(say("links"), "links");
    const revoke = async (asked) => {
      try {
        draw((await ask("links", asked)).links);
      } catch (error) {
        return tellBelow(error.message);
      }
      list.querySelector("button, a")?.focus();
      history.know(true).catch(() => {});
    };
    const all = async (count) => {
      const sure = await srpo.ask({ title: say("links-ask", { count }), text: say("links-text"),
        yes: say("links-revoke"), no: say("links-no"), stern: true });
      if (sure) revoke({ do: "revoke-all" });
    };
    const line = (link) => {
      const title = link.title || say(link.kind === "set" ? "link-set" : "unread");
      const address = link.address && new URL(link.address, document.baseURI).href;
      const facts = [say(link.kind === "set" ? "link-set" : "unread"), say("link-since", { date: dated(link.since) })];
      if (!link.thumbnail) facts.push(say("link-gone"));
      else if (!address) facts.push(say("link-old"));
      const copy = button(say("link-copy"), async () => {
        try {
          await srpo.copy(address);
        } catch { // the browser does not let the page; the link can still be selected
          const field = el("input", { type: "text", readOnly: true, value: address, aria: { label: say("link-copy") } });
          copy.replaceWith(field);
          return field.select();
        }
        copy.textContent = srpo.texts.copied;
        setTimeout(() => { copy.textContent = say("link-copy"); }, 1500);
      });
      const picture = link.thumbnail
        ? thumbnail({ id: link.entry, thumbnail: link.thumbnail, flagged: link.flagged, prompt: title }, () => srpo.view(link.entry))
        : el("span", { className: "small" });
      return el("div", { className: "hist-link" }, picture,
        el("p", {}, el("b", { textContent: title }), el("small", { textContent: facts.join(" · ") })),
        el("div", { className: "acts" },
          address && link.thumbnail ? el("a", { className: "quiet", href: address, target: "_blank", rel: "noopener", textContent: say("link-open") }) : "",
          address && link.thumbnail ? copy : "",
          button(say("link-revoke"), () => revoke({ do: "revoke", id: link.id }))));
    };
    const draw = (found) => {
      told.textContent = found.length ? say("links-count", { count: found.length }) : say("links-none");
      acts.replaceChildren(...(found.length > 1 ? [button(say("links-revoke"), () => all(found.length), { className: "quiet stern" })] : []));
      list.replaceChildren(...found.map(line));
    };
    try {
      draw((await ask("links")).links);
    } catch (error) {
      told.textContent = error.message;
    }
  };

  // --- Images that show the same ----------------------------------------------------------------

  const GROUPS = 20; // groups that are drawn at once
  const KNOWN = 400; // images whose facts are asked for at once
  const EVERY_MS = 400;

  const allDuplicates = async () => {
    let here = true;
    let groups = [];
    let drawn = 0;
    let busy = false;
    const { dialog, told, acts, list } = open(say("duplicates"), "duplicates", () => {
      here = false;
      document.removeEventListener("srpo:changed", gone);
      document.removeEventListener("srpo:restored", later);
    });
    const kept = (group) => group.ids.filter((id) => group.keep.has(id));
    const others = (group) => (group.keep.size ? group.ids.filter((id) => !group.keep.has(id)) : []);
    const total = () => groups.reduce((sum, group) => sum + others(group).length, 0);

    const tellAll = () => {
      const count = total();
      told.textContent = groups.length ? say("all-duplicates-found", { count: groups.length }) : say("all-duplicates-none");
      acts.replaceChildren(...(groups.length ? [button(say("all-duplicates-delete-all", { count }), () => remove(groups, true), { className: "quiet stern", disabled: !count || busy })] : []));
    };
    const forget = (ids) => {
      const lost = new Set(ids);
      for (const group of groups) {
        if (!group.ids.some((id) => lost.has(id))) continue;
        group.copies = group.copies.filter((_, n) => !lost.has(group.ids[n]));
        group.ids = group.ids.filter((id) => !lost.has(id));
        for (const id of lost) group.keep.delete(id);
        if (!group.keep.size && group.ids.length) group.keep.add(group.ids[0]);
        if (group.ids.length < 2) {
          group.node?.remove();
          drawn -= group.node ? 1 : 0;
        } else if (group.node) group.node.replaceWith(section(group));
      }
      groups = groups.filter((group) => group.ids.length > 1);
      tellAll();
      if (drawn < Math.min(GROUPS, groups.length)) more();
      else list.querySelector(".more")?.replaceChildren(...further());
    };
    const leave = (ids) => {
      history.removed(ids);
      forget(ids);
    };
    const gone = ({ detail }) => detail.erased && forget([detail.id]);
    const later = () => here && search(); // what came back may be a duplicate again

    // What is to be kept must still be there, or the last of its kind would go.
    const check = async (some) => {
      const ids = some.flatMap(kept);
      const lost = new Set(ids);
      for (let start = 0; start < ids.length; start += KNOWN) {
        const { entries } = await ask("details", { ids: ids.slice(start, start + KNOWN) });
        for (const entry of entries) lost.delete(entry.id);
      }
      if (lost.size) leave([...lost]);
    };
    const remove = async (some, asking = false) => {
      if (busy) return;
      try {
        await check(some);
      } catch (error) {
        return tellBelow(error.message);
      }
      const ids = some.filter((group) => groups.includes(group)).flatMap(others);
      if (!ids.length) return;
      if (asking && !(await srpo.ask({ title: say("all-duplicates-ask", { count: ids.length }), text: say("all-duplicates-text", { days: Math.round(history.facets()?.days ?? 30) }),
        yes: say("delete"), no: say("cancel"), stern: true }))) return;
      const done = [];
      busy = true;
      tellAll();
      try {
        await history.change("delete", ids, { step: (count, part) => {
          done.push(...part);
          told.textContent = say("progress", { count, total: ids.length });
          return here;
        } });
      } catch (error) {
        tellBelow(error.message);
      }
      busy = false;
      history.removed(done);
      if (done.length) history.deleted(done);
      if (here) forget(done);
      if (here && !dialog.contains(document.activeElement)) dialog.querySelector(".leave").focus();
    };

    const section = (group) => {
      const node = el("section", { aria: { label: say("all-duplicates-group", { count: group.ids.length }) } });
      const act = button("", () => remove([group]));
      const label = () => {
        const count = others(group).length;
        act.textContent = !group.keep.size ? say("all-duplicates-keep-one") : count ? say("all-duplicates-delete", { count }) : say("all-duplicates-all-kept");
        act.disabled = !count || busy;
      };
      const images = group.ids.map((id, n) => {
        const entry = group.known.get(id);
        const check = el("input", { type: "checkbox", checked: group.keep.has(id), onchange: () => {
          if (check.checked) group.keep.add(id);
          else group.keep.delete(id);
          label();
          tellAll();
        } });
        const facts = [entry.size, dated(entry.made_at), entry.starred ? `★ ${say("chip-starred")}` : "", group.copies[n] ? say("all-duplicates-copy") : ""];
        return el("div", { className: "duplicate" }, thumbnail(entry, () => srpo.view(id, [...group.ids])),
          el("label", { className: "hist-check" }, check, el("span", { textContent: say("all-duplicates-keep") })),
          el("small", { textContent: facts.filter(Boolean).join("\n") }));
      });
      label();
      node.append(el("div", { className: "duplicate-row" }, ...images), act);
      group.node = node;
      return node;
    };
    const further = () => {
      const left = groups.filter((group) => !group.node).length;
      return left ? [button(say("all-duplicates-more", { count: left }), more)] : [];
    };
    // Facts come with the groups that are drawn; what is no longer in the history leaves its group.
    const more = async () => {
      const next = groups.filter((group) => !group.node).slice(0, GROUPS);
      const ids = next.flatMap((group) => group.ids);
      const known = new Map();
      try {
        for (let start = 0; start < ids.length; start += KNOWN) {
          const { entries } = await ask("details", { ids: ids.slice(start, start + KNOWN) });
          for (const entry of entries) known.set(entry.id, entry);
        }
      } catch (error) {
        return tellBelow(error.message);
      }
      const lost = ids.filter((id) => !known.has(id));
      list.querySelector(".more")?.remove();
      for (const group of next) {
        group.known = known;
        if (group.node || group.ids.some((id) => !known.has(id))) continue;
        list.append(section(group));
        drawn += 1;
      }
      list.append(el("p", { className: "more" }, ...further()));
      if (lost.length) leave(lost);
    };

    let turn = 0;
    const search = async () => {
      const now = ++turn;
      list.replaceChildren();
      acts.replaceChildren();
      groups = [];
      drawn = 0;
      let found;
      try {
        while (here && now === turn && !(found = await ask("all-duplicates")).groups) {
          told.textContent = say(`all-duplicates-${found.stage}`, { done: found.done, total: found.total });
          await new Promise((done) => setTimeout(done, EVERY_MS));
        }
      } catch (error) {
        told.textContent = error.message;
        return;
      }
      if (!here || now !== turn) return;
      groups = found.groups.map((group) => ({ ...group, keep: new Set(group.ids.slice(0, 1)), known: new Map(), node: null }));
      tellAll();
      if (groups.length) await more();
    };
    document.addEventListener("srpo:changed", gone);
    document.addEventListener("srpo:restored", later);
    await search();
  };

  Object.assign(history, { links, allDuplicates });
})();
