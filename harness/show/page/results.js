
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const table = document.getElementById("squares");
  const dialog = document.getElementById("details");
  const body = document.getElementById("details-body");
  const buttons = [...table.querySelectorAll("button")];
  const width = data.names.length;

  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  const heading = (standing, rest) => {
    const [value, sign, , name] = data.standings[standing];
    const made = element("h3");
    const mark = element("span", sign, "sign s-" + name);
    mark.setAttribute("aria-hidden", "true");
    made.append(mark, element("span", value + rest));
    return made;
  };

  const because = (reason, link) => {
    const made = element("p", reason ? "because: " + reason + " " : "");
    if (/^https?:\/\//.test(link)) {
      const anchor = element("a", link);
      anchor.href = link;
      anchor.rel = "noopener noreferrer nofollow";
      made.append(anchor);
    }
    return made;
  };

  const alike = (cells) => {
    const groups = new Map();
    for (const cell of cells) {
      const key = [cell[0], ...cell.slice(2)].join(" ");
      groups.set(key, [...(groups.get(key) || []), cell]);
    }
    return [...groups.values()].sort((one, other) => order(one) - order(other));
  };
  const order = ([[standing]]) => (standing < 2 ? standing + data.standings.length : standing);

  const showDetails = (column, row) => {
    const [id, level, sentence] = data.requirements[row];
    const standing = data.stands[column][row];
    const title = element("h2", data.names[column] + ", " + id);
    title.id = "details-title";
    body.replaceChildren(title, element("p", sentence + " (" + level + ")"));
    const cells = data.squares[column][row];
    if (!cells.length) {
      body.append(heading(standing, ": " + data.standings[standing][2]));
      if (data.problems[column]) body.append(element("p", data.problems[column], "said"));
    }
    for (const group of alike(cells)) {
      const [[stands, , message, reason, link]] = group;
      const [said, why, where] = [message, reason, link].map((place) => data.texts[place]);
      body.append(heading(stands, ", " + group.length + " of " + cells.length + (cells.length === 1 ? " cell" : " cells")));
      if (said) body.append(element("p", said, "said"));
      if (!said && !why && stands) body.append(element("p", data.standings[stands][2]));
      if (why || where) body.append(because(why, where));
      const list = element("ul");
      for (const cell of group) {
        const item = element("li");
        item.append(element("code", "sparsecheck run " + cell[1]));
        list.append(item);
      }
      body.append(list);
    }
    dialog.showModal();
    dialog.scrollTop = 0;
  };

  const enter = (button) => {
    for (const one of buttons) if (one.tabIndex === 0) one.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  };
  const isShown = (button) => button.checkVisibility({ visibilityProperty: true });

  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width };
  table.addEventListener("keydown", (event) => {
    let at = buttons.indexOf(event.target), step = steps[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    const row = Math.floor(at / width);
    do at += step; while (buttons[at] && !isShown(buttons[at]));
    const stays = Math.abs(step) > 1 || Math.floor(at / width) === row;
    if (buttons[at] && stays) enter(buttons[at]);
  });
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    enter(button);
    showDetails(+button.dataset.c, +button.dataset.r);
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  const first = () => {
    const held = buttons.find((one) => one.tabIndex === 0);
    if (held && isShown(held)) return;
    if (held) held.tabIndex = -1;
    const shown = buttons.find(isShown);
    if (shown) shown.tabIndex = 0;
  };
  for (const radio of document.querySelectorAll("input[name=show]")) radio.addEventListener("change", first);
  first();
})();
