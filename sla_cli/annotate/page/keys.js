// Keys and buttons for the table of commands.

const $ = (id) => document.getElementById(id);
const NAMES = { " ": "space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageDown: "page ↓", PageUp: "page ↑", Delete: "del" };
const shown = (key) => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);

export const bindKeys = (table) => {
  const byKey = new Map(table.flatMap((command) => command.keys.map((key) => [key, command])));
  // A letter or digit by its place on the keyboard, where the layout gives another script.
  const named = ({ key, code }) => {
    const plain = key.length === 1 ? key.toLowerCase() : key;
    if (byKey.has(plain)) return plain;
    const found = /^(?:Key|Digit)(.)$/.exec(code);
    return found && (found[0].startsWith("Digit") || !/^[a-z]$/.test(plain)) ? found[1].toLowerCase() : plain;
  };
  document.addEventListener("keydown", (event) => {
    const { target } = event, undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
    if (target.closest("input:not([type=checkbox], [type=range]), select, dialog")) return;
    if ((event.ctrlKey || event.metaKey || event.altKey) && !undo) return;
    if (matchMedia("(width < 48rem)").matches) return;
    const key = undo ? "u" : named(event);
    if ([" ", "Enter"].includes(key) && target.closest("button, summary, input")) return; // these use it themselves
    if (key.startsWith("Arrow") && target.matches("[type=range]")) return;
    const command = byKey.get(key);
    if (!command || (key.length === 1 && key !== " " && !$("letters").checked && !undo)) return;
    event.preventDefault();
    command.run();
  });
};

export const makeButtons = (table) => {
  const groups = Map.groupBy(table, (command) => command.group);
  $("buttons").replaceChildren(...[...groups].map(([group, commands]) => {
    const part = document.createElement("div");
    part.role = "group";
    part.ariaLabel = group;
    part.append(...commands.map((command) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "pill";
      button.append(command.name, " ", ...command.keys.slice(0, 1).map(keyOf));
      button.addEventListener("click", () => command.run());
      button.addEventListener("mousedown", (event) => event.preventDefault()); // keys stay those of the page
      return button;
    }));
    return part;
  }));
  $("key-list").replaceChildren(...[...groups].map(([group, commands]) => {
    const part = document.createElement("section"), list = document.createElement("dl");
    part.append(Object.assign(document.createElement("h3"), { textContent: group }), list);
    for (const command of commands) {
      const row = document.createElement("div"), term = document.createElement("dt"), text = document.createElement("dd");
      term.append(...command.keys.map(keyOf));
      text.textContent = command.name;
      row.append(term, text);
      list.append(row);
    }
    return part;
  }));
};

const keyOf = (key) => Object.assign(document.createElement("kbd"), { textContent: shown(key) });
