"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  const fold = (text) => text.normalize("NFC").toLowerCase();
  const body = $("clips").tBodies[0];
  const rows = Array.from(body.rows, (row) => ({
    row,
    ...row.dataset,
    text: fold(Array.from(row.querySelectorAll(".id, .signer, .alignment"), (part) => part.textContent).join(" ")),
  }));
  const kinds = {
    all: () => true,
    wrong: (clip) => clip.ops !== "",
    right: (clip) => clip.ops === "",
    differ: (clip) => clip.differs === "1",
  };

  const filter = () => {
    const terms = fold($("search").value).split(/\s+/);
    const kind = document.querySelector("[name=kind]:checked").value;
    const wanted = kinds[kind] || ((clip) => clip.ops.includes(kind));
    let shown = 0;
    for (const clip of rows) {
      const match = wanted(clip) && terms.every((term) => clip.text.includes(term));
      clip.row.hidden = !match;
      shown += match;
    }
    $("count").textContent = `${shown} of ${rows.length} clips`;
  };

  const collator = new Intl.Collator(undefined, { numeric: true });
  const sort = (header) => {
    const key = header.dataset.key;
    const text = key === "id" || key === "signer";
    const down = header.ariaSort === "none" ? !text : header.ariaSort === "ascending";
    for (const other of document.querySelectorAll("#clips [aria-sort]")) other.ariaSort = "none";
    header.ariaSort = down ? "descending" : "ascending";
    const order = text ? (a, b) => collator.compare(a[key], b[key]) : (a, b) => a[key] - b[key];
    rows.sort((a, b) => (down ? order(b, a) : order(a, b)));
    body.append(...rows.map((clip) => clip.row));
  };

  $("tools").hidden = false;
  $("search").oninput = filter;
  $("kinds").onchange = filter;
  for (const button of document.querySelectorAll("#clips th button")) {
    button.disabled = false;
    button.onclick = () => sort(button.parentElement);
  }
  for (const button of document.querySelectorAll("[data-find]")) {
    button.disabled = false;
    button.onclick = () => {
      $("search").value = button.dataset.find;
      document.querySelector("[name=kind][value=all]").checked = true;
      filter();
      $("clip-list").scrollIntoView();
      $("search").focus({ preventScroll: true });
    };
  }
  filter();
})();
